-- `hit` of plugin/stock/windows.ts: records as much of `cost` in a sliding window as the quota allows.
--
-- KEYS 1 the window
-- ARGV 1 cost
--      2 now, in seconds since the epoch
--      3 maximum in one window
--      4 length of the window in seconds
--
-- Returns {granted, seconds until there is room for one more, or 0 if all was granted}
-- include: window.lua

local cost, now, max, windowSeconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local function secondsUntilRoom(records, used)
  for from = 1, #records, RECORD do
    used = used - tonumber(sub(records, from + AT, from + RECORD - 1))
    if used < max then
      return math.max(1, tonumber(sub(records, from, from + AT - 1)) + windowSeconds - now)
    end
  end
  return windowSeconds
end

local records, used = slide(redis.call('GET', KEYS[1]), windowSeconds, now)
local granted = math.max(0, math.min(cost, max - used))
if granted > 0 then
  local window = recorded(records, used, now, granted, recordOf(now, granted))
  redis.call('SET', KEYS[1], window, 'EX', windowSeconds + WINDOW_SLACK)
end
return { granted, granted < cost and secondsUntilRoom(records, used) or 0 }
