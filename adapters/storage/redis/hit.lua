-- `hit` of plugin/stock/windows.ts: records as much of `cost` in sliding windows as the quotas allow.
--
-- KEYS each window
-- ARGV of each window in turn:
--      1 cost
--      2 now, in seconds since the epoch
--      3 maximum in one window
--      4 length of the window in seconds
--
-- Returns for each window in turn: granted, seconds until there is room for one more, or 0 if all was granted
-- include: window.lua

local function secondsUntilRoom(records, used, now, max, windowSeconds)
  for from = 1, #records, RECORD do
    used = used - tonumber(sub(records, from + AT, from + RECORD - 1))
    if used < max then
      return math.max(1, tonumber(sub(records, from, from + AT - 1)) + windowSeconds - now)
    end
  end
  return windowSeconds
end

local replies = {}
for index, key in ipairs(KEYS) do
  local cost, now, max, windowSeconds = unpack(ARGV, 4 * index - 3, 4 * index)
  cost, now, max, windowSeconds = cost + 0, now + 0, max + 0, windowSeconds + 0
  local records, used = slide(redis.call('GET', key), windowSeconds, now)
  local granted = math.max(0, math.min(cost, max - used))
  replies[2 * index - 1] = granted
  replies[2 * index] = granted < cost and secondsUntilRoom(records, used, now, max, windowSeconds) or 0
  if granted > 0 then
    local window = recorded(records, used, now, granted, recordOf(now, granted))
    redis.call('SET', key, window, 'EX', windowSeconds + WINDOW_SLACK)
  end
end
return replies
