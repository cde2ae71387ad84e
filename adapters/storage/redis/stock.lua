-- stock.ts and exposure.ts: one author's stock, as the scripts read and write it.

-- How much longer than its packages an author is kept, in seconds: `now` is not the server's clock.
local SLACK = 3600
-- Lua hands over no more than some thousand arguments at once.
local MOST_ARGUMENTS = 1000
-- So much of what is over goes at once, for other clients of the server are waiting; the rest goes with the next change.
local MOST_FORGOTTEN = 200

-- What a script changes is written at its end, by `save`, or not at all.
local function stockOf(order)
  local nextOne, oldestUntil, visitsUntil, due, keptUntil, first, firstVisit, rows = unpackBytes(HEAD, order)
  return {
    places = placesOf(order, HEAD_LENGTH + 1),
    due = due,
    keptUntil = keptUntil,
    rows = rows,
    first = first,
    next = nextOne,
    oldestUntil = oldestUntil,
    firstVisit = firstVisit,
    visitsUntil = visitsUntil,
    written = {},
    erased = {},
    removed = {},
  }
end

local EMPTY = packBytes(HEAD, 1, NEVER, NEVER, NEVER, 0, 1, 1, 1)

-- nil of an author the store knows nothing of.
local function load()
  local order = call('HGET', STOCK, 'order')
  return order and stockOf(order)
end

local function write(stock, field, value)
  table.insert(stock.written, field)
  table.insert(stock.written, value)
end

local function erase(stock, field)
  table.insert(stock.erased, field)
end

-- Like `load`, but makes a stock where there is none.
local function loadOrMake()
  local order, past = unpack(call('HMGET', STOCK, 'order', 'past'))
  local stock = stockOf(order or past or EMPTY)
  stock.wasPast = past
  return stock
end

local function callWithMany(command, arguments)
  for from = 1, #arguments, MOST_ARGUMENTS do
    call(command, STOCK, unpack(arguments, from, math.min(#arguments, from + MOST_ARGUMENTS - 1)))
  end
end

local function headOf(stock)
  return packBytes(
    HEAD,
    stock.next,
    stock.oldestUntil,
    stock.visitsUntil,
    stock.due,
    stock.keptUntil,
    stock.first,
    stock.firstVisit,
    stock.rows
  )
end

local function saveFields(stock)
  callWithMany('HDEL', stock.erased)
  callWithMany('HSET', stock.written)
  if stock.expiresIn then
    call('EXPIRE', STOCK, stock.expiresIn)
  end
end

local function save(stock)
  write(stock, 'order', headOf(stock) .. orderOf(stock.places))
  saveFields(stock)
  -- Not before: a hash that is empty for a moment forgets when it expires.
  if stock.wasPast then
    call('HDEL', STOCK, 'past')
  end
end

-- The author is not known any more.
local function savePast(stock)
  erase(stock, 'order')
  write(stock, 'past', headOf(stock))
  saveFields(stock)
end

-- What a script returns: its outcome, and a line for each package that left the stock otherwise than by a claim.
local function reply(outcome, stock)
  return table.concat({ outcome, unpack(stock.removed) }, '\n')
end

-- What a claim takes: the rows stay, for the visit.
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

-- `without` of offer.ts: what goes for good. Ids and refs stay known (I3). `why` is that of a `Removal` of store.ts.
local function remove(stock, why, places)
  takeOut(stock, places)
  for _, place in ipairs(places) do
    local pkg = header(place)
    table.insert(stock.removed, table.concat({ why, pkg.id, pkg.ref, pkg.kind }, ' '))
    erase(stock, place.row)
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
  if call('TTL', KNOWN) < seconds then
    call('EXPIRE', KNOWN, seconds)
  end
end
