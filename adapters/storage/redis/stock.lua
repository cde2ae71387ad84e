-- stock.ts and exposure.ts: one author's stock, as the scripts read and write it.
--
-- KEYS 1 stock, a hash:
--        order          a place for each package in the stock, in the order in which claims choose them (places.lua);
--                       there as long as the author is known
--        state          when to look again, and which numbers are in use
--        <number>       a row (row.ts): of each package in the stock, and of each that a delivery spent
--        d<number>      a delivery (delivery.lua)
--        r<requester>   the number of the newest delivery to this requester that may be repeated
--        q<requester>   the window of this requester's claims (window.lua)
--        a<address>     the window of the claims from this address
--        v<number>      a visit (visits.lua)
--      2 known, a sorted set: event ids and KeyPackageRefs by the time at which they expire (I3)

local KNOWN = KEYS[2]
-- When no package in the stock expires before; until when the key is kept; the number of the next row; of deliveries the
-- number of the oldest and of the one to come, and until when the oldest is kept; and the same of visits.
local STATE = '>I7I7I4I4I4I7I4I4I7'
local NEVER = 2 ^ 53
-- How much longer than its packages an author is kept, in seconds: `now` is not the server's clock.
local SLACK = 3600
-- Lua hands over no more than some thousand arguments at once.
local MOST_ARGUMENTS = 1000
-- So much of what is over goes at once, for other clients of the server are waiting; the rest goes with the next change.
local MOST_FORGOTTEN = 200

-- What a script changes is written at its end, by `save`, or not at all.
local function stockOf(state, order)
  local due, keptUntil, rows, first, nextOne, oldestUntil, firstVisit, nextVisit, visitsUntil =
    struct.unpack(STATE, state)
  return {
    places = placesOf(order),
    due = due,
    keptUntil = keptUntil,
    rows = rows,
    first = first,
    next = nextOne,
    oldestUntil = oldestUntil,
    firstVisit = firstVisit,
    nextVisit = nextVisit,
    visitsUntil = visitsUntil,
    written = {},
    erased = {},
    removed = {},
  }
end

local EMPTY = struct.pack(STATE, NEVER, 0, 1, 1, 1, NEVER, 1, 1, NEVER)

-- nil of an author the store knows nothing of.
local function load()
  local state, order = unpack(redis.call('HMGET', STOCK, 'state', 'order'))
  return order and stockOf(state, order)
end

-- The same, made where there is none.
local function loadOrMake()
  local state, order = unpack(redis.call('HMGET', STOCK, 'state', 'order'))
  return stockOf(state or EMPTY, order or '')
end

local function write(stock, field, value)
  table.insert(stock.written, field)
  table.insert(stock.written, value)
end

local function erase(stock, field)
  table.insert(stock.erased, field)
end

local function callWithMany(command, arguments)
  for from = 1, #arguments, MOST_ARGUMENTS do
    redis.call(command, STOCK, unpack(arguments, from, math.min(#arguments, from + MOST_ARGUMENTS - 1)))
  end
end

local function saveState(stock)
  local state = struct.pack(
    STATE,
    stock.due,
    stock.keptUntil,
    stock.rows,
    stock.first,
    stock.next,
    stock.oldestUntil,
    stock.firstVisit,
    stock.nextVisit,
    stock.visitsUntil
  )
  write(stock, 'state', state)
  callWithMany('HDEL', stock.erased)
  callWithMany('HSET', stock.written)
  if stock.expiresIn then
    redis.call('EXPIRE', STOCK, stock.expiresIn)
  end
end

local function save(stock)
  write(stock, 'order', orderOf(stock.places))
  saveState(stock)
end

-- What a script returns: its outcome, and a line for each package that left the stock otherwise than by a claim.
local function reply(outcome, stock)
  return table.concat({ outcome, unpack(stock.removed) }, '\n')
end

-- What a claim takes: the rows stay, for its delivery.
local function takeOut(stock, taken)
  local isTaken, left = {}, {}
  for _, place in ipairs(taken) do
    isTaken[place] = true
  end
  for _, place in ipairs(stock.places) do
    if not isTaken[place] then
      table.insert(left, place)
    end
  end
  stock.places = left
end

-- `without`: what goes for good. Ids and refs stay known (I3). `why` is that of a `Removal` of store.ts.
local function remove(stock, why, places)
  takeOut(stock, places)
  for _, place in ipairs(places) do
    local pkg = header(place)
    table.insert(stock.removed, table.concat({ why, pkg.id, pkg.ref, pkg.kind }, ' '))
    erase(stock, place.number)
  end
end

local function placesWhere(stock, holds)
  local found = {}
  for _, place in ipairs(stock.places) do
    if holds(place) then
      table.insert(found, place)
    end
  end
  return found
end

-- `expire`, of packages.
local function expire(stock, now)
  if now < stock.due then
    return
  end
  local gone = placesWhere(stock, function(place)
    return place.expiresAt <= now
  end)
  remove(stock, 'expired', gone)
  stock.due = NEVER
  for _, place in ipairs(stock.places) do
    stock.due = math.min(stock.due, place.expiresAt)
  end
end

-- `canRetire`
local function canRetire(stock)
  return #placesWhere(stock, isFresh) >= 2
end

-- `settle`, of packages.
local function settle(stock, retireAfterSeconds, now)
  expire(stock, now)
  if canRetire(stock) then
    local gone = placesWhere(stock, function(place)
      return isExposed(place) and place.since + retireAfterSeconds <= now
    end)
    remove(stock, 'retired', gone)
  end
end

-- Lets the stock expire when nothing of the author matters any more, never earlier than it would have.
local function keepStock(stock, untilThen, now)
  if untilThen > stock.keptUntil then
    stock.keptUntil = untilThen
    stock.expiresIn = math.max(0, untilThen - now) + SLACK
  end
end

local function keepKnown(untilThen, now)
  local seconds = math.max(0, untilThen - now) + SLACK
  if redis.call('TTL', KNOWN) < seconds then
    redis.call('EXPIRE', KNOWN, seconds)
  end
end
