-- `spend` of stock.ts: takes out what was spent in another store, and remembers it as spent until it expires.
--
-- KEYS 1 to 3 the author's stock (stock.lua)
-- ARGV 1 now, in seconds since the epoch
--      2 and on: event ids and KeyPackageRefs, each followed by the time at which it expires
--
-- Returns nothing

local now = tonumber(ARGV[1])
local isNamed = {}
local latest = now
for index = 2, #ARGV, 2 do
  local name, expiresAt = ARGV[index], tonumber(ARGV[index + 1])
  isNamed[name] = true
  latest = math.max(latest, expiresAt)
  redis.call('ZADD', KNOWN, 'GT', expiresAt, name)
end

local stock = load()
if stock then
  dropAny(stock, function(id)
    return isNamed[id] or isNamed[header(id).ref]
  end, now)
else
  redis.call('HSET', PACKAGES, 'due', NEVER)
end
keepFor(latest - now, { PACKAGES, ORDER, KNOWN })
