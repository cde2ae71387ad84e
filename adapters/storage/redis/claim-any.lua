-- A claim in full, for all that `takeFirst` of claim.lua is not meant for.

-- The answer to a claim that delivers these packages, before anything is done to them.
local function answerWith(places)
  local answer, exposures = { '', 0 }, { '' }
  for _, place in ipairs(places) do
    table.insert(answer, call('HGET', STOCK, place.row))
    table.insert(exposures, exposureOf(place))
  end
  return answer, table.concat(exposures, ' ')
end

local function deliver(stock, answer, last, exposures)
  answer[1] = 'delivered ' .. (last and 'last ' or 'more ') .. #answer - 2 .. exposures
  answer[2] = #stock.places
  return answer
end

-- Counts one delivery of a last package.
local function expose(stock, place)
  if not isExposed(place) then
    place.band, place.since = place.band + EXPOSED, now
    table.sort(stock.places, precedes)
  end
  place.count = place.count + 1
end

-- `redeliver`
local function redeliver(stock, name)
  local delivery = name and visitAt(name)
  if not delivery or delivery.keptUntil <= now or delivery.at + redeliverySeconds <= now then
    return nil
  end
  local again, last = {}, nil
  for _, spent in ipairs(delivery.spent) do
    if spent.expiresAt > now and isAskedFor(spent) then
      table.insert(again, spent)
    end
  end
  for _, place in ipairs(delivery.last ~= '' and stock.places or {}) do
    if header(place).id == delivery.last and isAskedFor(place) then
      table.insert(again, place)
      last = place
    end
  end
  if #again == 0 then
    return nil
  end
  local answer, exposures = answerWith(again)
  if last then
    expose(stock, last)
  end
  delivery.times = delivery.times + 1
  saveVisit(stock, delivery)
  return deliver(stock, answer, last, exposures)
end

-- `take`
local function take(stock, visit, maximum)
  local slots, chosen, spendable = choose(stock.places, maximum)
  if #slots > 0 then
    return deliver(stock, (answerWith(slots)), nil, '')
  end
  if #chosen == 0 then
    return { 'none' }
  end
  local answer, exposures = answerWith(chosen)
  local last = #chosen == spendable and table.remove(chosen) or nil
  takeOut(stock, chosen)
  visit.spent = chosen
  if last then
    visit.last = isRepeated and header(last).id or ''
    expose(stock, last)
  end
  return deliver(stock, answer, last, exposures)
end

-- The number of the newest visit that may be a delivery.
local function newestDelivery(stock)
  local number = stock.next - 1
  if number < stock.first then
    return 0
  end
  local visit = visitAt(visitName(number))
  return isDelivery(visit) and number or visit.times
end

-- `deliveryOf` and `remember`
local function remember(stock, visit)
  if not isDelivery(visit) then
    visit.times = newestDelivery(stock)
  end
  saveVisit(stock, visit)
  stock.next = stock.next + 1
  stock.visitsUntil = math.min(stock.visitsUntil, visitUntil)
  if isDelivery(visit) then
    stock.oldestUntil = math.min(stock.oldestUntil, deliveryUntil)
    if visit.requester ~= '' then
      write(stock, 'r' .. visit.requester, visit.name)
    end
  end
end

local function claimAny(order, newest, requester, wish, windows)
  local stock = stockOf(order)
  want(wish.wanted)
  settle(stock, retireAfterSeconds, now)
  forgetVisits(stock, now)
  local due = (stock.oldestUntil == NEVER or stock.visitsUntil == NEVER) and 'due ' or '- '
  local visit = {
    name = visitName(stock.next),
    overAt = visitUntil,
    at = now,
    keptUntil = deliveryUntil,
    times = 1,
    spent = {},
    last = '',
    requesterWindow = windows.requester,
    addressWindow = windows.address,
    requester = requester,
  }
  local answer = redeliver(stock, newest) or take(stock, visit, wish.maximum)
  remember(stock, visit)
  write(stock, windows.requester, windows.ofRequester)
  write(stock, windows.address, windows.ofAddress)
  keepStock(stock, visitUntil, now)
  save(stock)
  answer[1] = due .. reply(answer[1], stock)
  return answer
end
