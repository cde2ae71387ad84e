-- Removes those of some claim windows that are over (window.lua).
--
-- KEYS 1 the author's stock
-- ARGV 1 now, in seconds since the epoch
--      2 and on: the fields of the windows
--
-- Returns nothing

local now = tonumber(ARGV[1])
for index = 2, #ARGV do
  local window = redis.call('HGET', KEYS[1], ARGV[index])
  if window and tonumber(string.sub(window, 1, 11)) <= now then
    redis.call('HDEL', KEYS[1], ARGV[index])
  end
end
