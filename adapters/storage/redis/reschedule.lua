-- Schedules the next sweep of an author, unless another client has done so since this sweep began.
--
-- KEYS 1 a part of the due index (keys.ts)
-- ARGV 1 the author
--      2 the score that the sweep gave it
--      3 the time of the next sweep, in seconds since the epoch; '' if nothing is left of the author
--
-- Returns nothing

if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return
end
if ARGV[3] == '' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
end
