-- What an author has, expired packages included; nothing is consumed.
--
-- KEYS 1 to 3 the author's stock (stock.lua)
--
-- Returns the exposures as JSON, {event id: [since, count]} or '', and the row of each package

local ids = redis.call('ZRANGE', ORDER, 0, -1)
if #ids == 0 then
  return { '' }
end
return redis.call('HMGET', PACKAGES, 'exposed', unpack(ids))
