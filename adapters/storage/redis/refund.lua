-- `refund` of plugin/stock/windows.ts: undoes up to `cost` of what hit.lua recorded until `now`, newest first.
--
-- KEYS 1 the window
-- ARGV 1 cost
--      2 now, in seconds since the epoch
--      3 length of the window in seconds
--
-- Returns nothing
-- include: window.lua

local left, now, windowSeconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local records, used = slide(redis.call('GET', KEYS[1]), windowSeconds, now)
local newer = ''
while left > 0 and records ~= '' do
  local at, spent = newestAt(records), tonumber(sub(records, -RECORD + AT))
  local undone = at <= now and math.min(left, spent) or 0
  left, used = left - undone, used - undone
  records = sub(records, 1, -RECORD - 1)
  newer = (undone < spent and recordOf(at, spent - undone) or '') .. newer
end
if used == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], digits[used] .. records .. newer, 'KEEPTTL')
end
