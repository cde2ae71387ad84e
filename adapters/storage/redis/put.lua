-- `offer` of stock.ts: takes a package in, and remembers its id and KeyPackageRef until it expires.
--
-- KEYS 1 to 3 the author's stock (stock.lua)
--      4 the window of what the author published
-- ARGV 1 the package's row (row.ts)
--      2 now, in seconds since the epoch
--      3 most packages without a slot, and most slots
--      4 what happens to one too many: 'reject' or 'evict-oldest'
--      5 how long an exposed package stays, in seconds
--      6, 7 publish quota: most packages, and the window's length in seconds; '' where none is counted
--      8, 9 since when the package is exposed, and how often it was delivered; '' where it is fresh
--
-- Returns 'stored', 'replaced', 'duplicate', 'spent', 'stale', 'full' or 'limited' (`PutOutcome` of store.ts)

local row, now, max, overflow = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local retireAfterSeconds = tonumber(ARGV[5])
local publishMax, publishWindow = tonumber(ARGV[6]), tonumber(ARGV[7])
local exposedSince, exposedCount = tonumber(ARGV[8]), tonumber(ARGV[9])

local pkg = headerOf(row)
local isSlot = pkg.slot ~= '-'
local stock = load() or { due = NEVER, exposed = {}, first = 1, next = 1 }
local gone = unsettled(stock, retireAfterSeconds, now)

-- Whether the id or the ref is in the stock, once that is settled.
local function isInStock()
  local isGone = {}
  for _, id in ipairs(gone) do
    isGone[id] = true
  end
  for _, id in ipairs(redis.call('ZRANGE', ORDER, 0, -1)) do
    if not isGone[id] and (id == pkg.id or header(id).ref == pkg.ref) then
      return true
    end
  end
  return false
end

for _, expiresAt in ipairs(redis.call('ZMSCORE', KNOWN, pkg.id, pkg.ref)) do
  if expiresAt and tonumber(expiresAt) > now then
    return isInStock() and 'duplicate' or 'spent'
  end
end

if publishMax then
  local published, used = slide(redis.call('GET', KEYS[4]), publishWindow, now)
  if used >= publishMax then
    return 'limited'
  end
  record(KEYS[4], published, used, 1, publishWindow, now)
end
settle(stock, gone)
forgetDeliveries(stock, now)

-- The ids of the other slots, or of the other packages without one.
local function rivals()
  if isSlot then
    return redis.call('ZRANGEBYSCORE', ORDER, FROM_SLOTS, '+inf')
  end
  return redis.call('ZRANGEBYSCORE', ORDER, '-inf', BELOW_SLOTS)
end

local function remember()
  redis.call('ZREMRANGEBYSCORE', KNOWN, '-inf', now)
  redis.call('ZADD', KNOWN, pkg.expiresAt, pkg.id, pkg.expiresAt, pkg.ref)
  keepFor(math.max(0, pkg.expiresAt - now), { KNOWN })
end

-- `withPackage`
local function admit()
  local band = isSlot and 4 or pkg.lastResort
  if exposedSince then
    band = band + 2
    stock.exposed[pkg.id] = { exposedSince, exposedCount }
    saveExposed(stock)
  end
  redis.call('HSET', PACKAGES, pkg.id, row, 'due', math.min(stock.due, pkg.expiresAt))
  redis.call('ZADD', ORDER, band * BAND + pkg.createdAt, pkg.id)
  remember()
  keepFor(math.max(0, pkg.expiresAt - now), { PACKAGES, ORDER })
end

-- `byAge`: oldest first; of two equally old, the one with the highest id.
local function byAge(a, b)
  if a.createdAt ~= b.createdAt then
    return a.createdAt < b.createdAt
  end
  return a.id > b.id
end

local others = rivals()
if isSlot then
  for _, id in ipairs(others) do
    local other = header(id)
    if other.slot == pkg.slot then
      if not byAge(other, pkg) then
        remember()
        return 'stale'
      end
      remove(stock, { id })
      admit()
      return 'replaced'
    end
  end
end

if #others >= max then
  if overflow == 'reject' then
    return 'full'
  end
  local oldest = {}
  for index, id in ipairs(others) do
    oldest[index] = header(id)
  end
  table.sort(oldest, byAge)
  local evicted = {}
  for index = 1, #others - max + 1 do
    evicted[index] = oldest[index].id
  end
  remove(stock, evicted)
end
admit()
return 'stored'
