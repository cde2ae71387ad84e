-- `spend` of stock.ts: takes out what was spent in another store, and remembers it as spent until it expires.
--
-- KEYS 1, 2 the author's stock (layout.lua)
-- ARGV 1 now, in seconds since the epoch
--      2 and on: event ids and KeyPackageRefs, each followed by the time at which it expires
--
-- Returns how many packages there were, and what left the stock (stock.lua)

local now = tonumber(ARGV[1])
local isNamed = {}
local latest = now
for index = 2, #ARGV, 2 do
  local name, expiresAt = ARGV[index], tonumber(ARGV[index + 1])
  isNamed[name] = true
  latest = math.max(latest, expiresAt)
  call('ZADD', KNOWN, 'GT', expiresAt, name)
end

local stock = loadOrMake()
keepKnown(latest, now)
keepStock(stock, latest, now)
local dropped = dropAny(stock, function(place)
  return isNamed[header(place).id] or isNamed[header(place).ref]
end, now)
return reply(dropped, stock)
