-- `hit` of windows.ts: records up to `cost` in a sliding window, as much as the quota has room for.
--
-- KEYS 1 the window
-- ARGV 1 cost
--      2 now, in seconds since the epoch
--      3 most in one window
--      4 length of the window in seconds
--
-- Returns {granted, seconds until there is room for one more; 0 where all was granted}

local cost, now, max, windowSeconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local records, used = slide(call('GET', KEYS[1]), windowSeconds, now)
local granted = math.max(0, math.min(cost, max - used))
local retryAfterSeconds = 0
if granted < cost then
  retryAfterSeconds = secondsUntilRoom(records, used, max, windowSeconds, now)
end
if granted > 0 then
  record(KEYS[1], records, used, recordOf(now, granted), windowSeconds)
end
return { granted, retryAfterSeconds }
