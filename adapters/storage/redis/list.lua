-- What an author has, expired packages included; nothing is consumed.
--
-- KEYS 1, 2 the author's stock (layout.lua)
--
-- Returns for each package its exposure as "since:count", or "" where it is fresh, and its row

local stock = load()
local packages = {}
for _, place in ipairs(stock and stock.places or {}) do
  table.insert(packages, exposureOf(place))
  table.insert(packages, call('HGET', STOCK, place.row))
end
return packages
