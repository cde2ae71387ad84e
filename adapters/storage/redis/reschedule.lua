-- Says when a sweep has to look at an author again, unless somebody has said so since the sweep began.
--
-- KEYS 1 a part of the due index (keys.ts)
-- ARGV 1 the author
--      2 the score that the sweep gave it
--      3 when to look again, in seconds since the epoch; '' where nothing is left of the author
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
