-- `expire` of stock.ts, without writing: how many packages an author has.
--
-- KEYS 1, 2 the author's stock (layout.lua)
-- ARGV 1 now, in seconds since the epoch
--
-- Returns how many; nil of one the store knows nothing of

local now = tonumber(ARGV[1])
local stock = load()
return stock and #placesWhere(stock, function(place)
  return place.expiresAt > now
end)
