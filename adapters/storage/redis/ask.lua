-- One command that only reads, so that its answer carries a token as those of all scripts do (scripts.ts).
--
-- KEYS 1 what it reads
-- ARGV 1 the command
--      2 and on: its arguments after the key
--
-- Returns what the command does

return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
