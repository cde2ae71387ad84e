-- deliveries.ts and windows.ts: claims that were counted (`VISIT` in layout.lua). Each is kept until what it
-- delivered can no longer be repeated or undone, and until it has fallen out of both its windows: it tells then which of
-- them nobody else has written to since.

local function visitName(number)
  return 'v' .. packBytes(NUMBER, number)
end

local function visitAt(name)
  local packed = call('HGET', STOCK, name)
  local overAt, at, keptUntil, times, count, idLength = unpackBytes(VISIT, packed)
  local afterSpent = VISIT_LENGTH + count * PLACE_LENGTH
  local afterLast = afterSpent + idLength
  local requesterWindow, addressWindow, requester = string.match(sub(packed, afterLast + 1), '^(.-)\n(.-)\n(.*)$')
  return {
    name = name,
    overAt = overAt,
    at = at,
    keptUntil = keptUntil,
    times = times,
    spent = placesOf(sub(packed, VISIT_LENGTH + 1, afterSpent), 1),
    last = sub(packed, afterSpent + 1, afterLast),
    requesterWindow = requesterWindow,
    addressWindow = addressWindow,
    requester = requester,
  }
end

local function saveVisit(stock, visit)
  local spent = orderOf(visit.spent)
  local head = packBytes(VISIT, visit.overAt, visit.at, visit.keptUntil, visit.times, #visit.spent, #visit.last)
  local names = visit.requesterWindow .. '\n' .. visit.addressWindow .. '\n' .. visit.requester
  write(stock, visit.name, head .. spent .. visit.last .. names)
end

-- `isWorthKeeping`: whether there is something to repeat or undo.
local function isDelivery(visit)
  return #visit.spent > 0 or visit.last ~= ''
end

-- The rows of what a visit spent, and where its requester finds it.
local function forgetDelivery(stock, visit)
  for _, spent in ipairs(visit.spent) do
    erase(stock, spent.row)
  end
  local index = 'r' .. visit.requester
  if visit.requester ~= '' and call('HGET', STOCK, index) == visit.name then
    erase(stock, index)
  end
end

-- `expire`, of deliveries: forgets those that are too old to be repeated or undone, oldest first.
local function forgetDeliveries(stock, now)
  if stock.oldestUntil == NEVER then
    stock.first = stock.next
  end
  if stock.oldestUntil > now then
    return
  end
  for number = stock.first, math.min(stock.next, stock.first + MOST_FORGOTTEN) - 1 do
    local visit = visitAt(visitName(number))
    if isDelivery(visit) and visit.keptUntil > now then
      stock.oldestUntil = visit.keptUntil
      return
    end
    forgetDelivery(stock, visit)
    if number < stock.firstVisit then
      erase(stock, visit.name)
    end
    stock.first = number + 1
  end
  if stock.first == stock.next then
    stock.oldestUntil = NEVER
  end
end

local function forgetWindow(stock, name, at)
  local window = call('HGET', STOCK, name)
  if window and unpackBytes(RECORD, window, #window - RECORD_LENGTH + 1) <= at then
    erase(stock, name)
  end
end

-- Forgets windows that are over, oldest visit first.
local function forgetWindows(stock, now)
  if stock.visitsUntil > now then
    return
  end
  for number = stock.firstVisit, math.min(stock.next, stock.firstVisit + MOST_FORGOTTEN) - 1 do
    local visit = visitAt(visitName(number))
    if visit.overAt > now then
      stock.visitsUntil = visit.overAt
      return
    end
    forgetWindow(stock, visit.requesterWindow, visit.at)
    forgetWindow(stock, visit.addressWindow, visit.at)
    if number < stock.first then
      erase(stock, visit.name)
    end
    stock.firstVisit = number + 1
  end
  if stock.firstVisit == stock.next then
    stock.visitsUntil = NEVER
  end
end

-- Forgets deliveries and windows that are over; where there are very many, not all of them.
local function forgetVisits(stock, now)
  forgetDeliveries(stock, now)
  forgetWindows(stock, now)
end
