-- `offerRelayList` of known-relay-list.ts: remembers an author's relay list where it is the newest.
--
-- KEYS 1 the author's relay list, a hash: event (JSON), id, createdAt, deletedUntil
-- ARGV 1 the event as JSON
--      2 its id
--      3 its created_at, in seconds since the epoch
--
-- Returns 'stored', 'duplicate' or 'stale'

local id, createdAt = ARGV[2], tonumber(ARGV[3])
local knownId, knownAt, deletedUntil = unpack(redis.call('HMGET', KEYS[1], 'id', 'createdAt', 'deletedUntil'))
if knownId == id then
  return 'duplicate'
end
if deletedUntil and createdAt <= tonumber(deletedUntil) then
  return 'stale'
end
-- `supersedes`
if knownId and (createdAt < tonumber(knownAt) or (createdAt == tonumber(knownAt) and id > knownId)) then
  return 'stale'
end
redis.call('HSET', KEYS[1], 'event', ARGV[1], 'id', id, 'createdAt', createdAt)
return 'stored'
