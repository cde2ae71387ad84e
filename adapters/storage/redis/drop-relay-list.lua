-- `deleteRelayList` of known-relay-list.ts: deletes an author's relay list, and every older one to come.
--
-- KEYS 1 the author's relay list (put-relay-list.lua)
-- ARGV 1 what was created until then is deleted, in seconds since the epoch
--
-- Returns nothing

local createdAt, deletedUntil = unpack(redis.call('HMGET', KEYS[1], 'createdAt', 'deletedUntil'))
local untilThen = math.max(tonumber(ARGV[1]), tonumber(deletedUntil or ARGV[1]))
redis.call('HSET', KEYS[1], 'deletedUntil', untilThen)
if createdAt and tonumber(createdAt) <= untilThen then
  redis.call('HDEL', KEYS[1], 'event', 'id', 'createdAt')
end
