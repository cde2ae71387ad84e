-- What an author has, expired packages included; nothing is consumed.
--
-- KEYS 1, 2 the author's stock (layout.lua)
--
-- Returns for each package its exposure as "since:count", or "" where it is fresh, the number of its row, and what the
-- row says (row.ts) without the event

local stock = load()
local packages = {}
for _, place in ipairs(stock and stock.places or {}) do
  table.insert(packages, exposureOf(place))
  table.insert(packages, string.format('%d', (unpackBytes(NUMBER, place.row))))
  table.insert(packages, string.match(call('HGET', STOCK, place.row), '^[^\n]*\n[^\n]*\n'))
end
return packages
