-- Runs one read-only command, so that its reply carries a token like those of all scripts (scripts.ts).
--
-- KEYS 1 the key to read
-- ARGV 1 the command
--      2 and on: its arguments after the key
--
-- Returns the reply to the command

return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
