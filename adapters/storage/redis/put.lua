-- `offer` and `admit` of offer.ts: takes a package in, and remembers its id and KeyPackageRef until it
-- expires.
--
-- KEYS 1, 2 the author's stock (layout.lua)
--      3 the window of what the author published
-- ARGV 1 the package's row (row.ts)
--      2 now, in seconds since the epoch
--      3 most packages without a slot, and most slots
--      4 what happens to one too many: 'reject' or 'evict-oldest'
--      5 how long an exposed package stays, in seconds
--      6, 7 publish quota: most packages that come in, and the window's length in seconds; '' where none is counted
--      8, 9 since when the package is exposed, and how often it was delivered; '' where it is fresh
--
-- Returns 'stored', 'replaced', 'duplicate', 'spent', 'stale', 'full' or 'limited' (`PutOutcome` of store.ts), and what
-- left the stock (stock.lua)

local row, now, max, overflow = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local retireAfterSeconds = tonumber(ARGV[5])
local publishMax, publishWindow = tonumber(ARGV[6]), tonumber(ARGV[7])
local exposedSince, exposedCount = tonumber(ARGV[8]), tonumber(ARGV[9])

local pkg = headerOf(row)
local isSlot = pkg.slot ~= '-'
local stock = loadOrMake()
settle(stock, retireAfterSeconds, now)

-- Whether the id or the ref is in the stock.
local function isInStock()
  for _, place in ipairs(stock.places) do
    if header(place).id == pkg.id or header(place).ref == pkg.ref then
      return true
    end
  end
  return false
end

for _, expiresAt in ipairs(call('ZMSCORE', KNOWN, pkg.id, pkg.ref)) do
  if expiresAt and tonumber(expiresAt) > now then
    return isInStock() and 'duplicate' or 'spent'
  end
end

forgetVisits(stock, now)

-- `offer` of offer.ts: whether there is room in the publish window, for what comes in next.
local function countPublished()
  if not publishMax then
    return true
  end
  local published, used = slide(call('GET', KEYS[3]), publishWindow, now)
  if used >= publishMax then
    return false
  end
  record(KEYS[3], published, used, recordOf(now, 1), publishWindow)
  return true
end

local function remember()
  -- What needs memory comes first: where there is none, Redis refuses no more than the first change of a script.
  call('ZADD', KNOWN, pkg.expiresAt, pkg.id, pkg.expiresAt, pkg.ref)
  call('ZREMRANGEBYSCORE', KNOWN, '-inf', now)
  keepKnown(pkg.expiresAt, now)
  keepStock(stock, pkg.expiresAt, now)
  save(stock)
end

-- The package is in the stock, and known.
local function takeIn()
  local band = isSlot and SLOT or pkg.lastResort
  local name = packBytes(NUMBER, stock.rows)
  insert(stock.places, {
    band = exposedSince and band + EXPOSED or band,
    createdAt = pkg.createdAt,
    row = name,
    header = pkg,
    expiresAt = pkg.expiresAt,
    since = exposedSince or 0,
    count = exposedCount or 0,
  })
  stock.due = math.min(stock.due, pkg.expiresAt)
  write(stock, name, row)
  stock.rows = stock.rows + 1
  remember()
end

-- `byAge` of selection.ts: oldest first; of two equally old, the one with the highest id.
local function byAge(a, b)
  if a.createdAt ~= b.createdAt then
    return a.createdAt < b.createdAt
  end
  return header(a).id > header(b).id
end

-- The other slots, or the other packages without one.
local rivals = placesWhere(stock, function(place)
  return (place.band == SLOT) == isSlot
end)

if isSlot then
  for _, place in ipairs(rivals) do
    if header(place).slot == pkg.slot then
      if not byAge(place, { createdAt = pkg.createdAt, header = pkg }) then
        remember()
        return reply('stale', stock)
      end
      if not countPublished() then
        return 'limited'
      end
      remove(stock, 'replaced', { place })
      takeIn()
      return reply('replaced', stock)
    end
  end
end

if #rivals >= max and overflow == 'reject' then
  save(stock)
  return reply('full', stock)
end
if not countPublished() then
  return 'limited'
end
if #rivals >= max then
  table.sort(rivals, byAge)
  remove(stock, 'evicted', { unpack(rivals, 1, #rivals - max + 1) })
end
takeIn()
return reply('stored', stock)
