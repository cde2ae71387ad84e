-- `claim` of stock.ts: hands out packages of some authors. On a cluster it is one author a time.
--
-- KEYS the stock of each author (stock.lua)
-- ARGV 1 now, in seconds since the epoch
--      2, 3 quota per author: most claims, and the window's length in seconds
--      4, 5 quota per address, likewise
--      6 how long a claim is repeated, in seconds
--      7 how long an exposed package stays, in seconds
--      8 and on, for each claim: what is wanted (selection.lua), the most packages without a slot, the requester, and
--      the address it came from
--
-- Returns for each claim a list: 'due ' where there is now something of the author that a sweep should forget one day,
-- or '- '; its outcome and what left the stock (stock.lua); then the row of each package. The outcome is one of
--         'none': the author is unknown, or has no package that fits
--         'limited', 'perAuthor' or 'perAddress', seconds to wait: nothing changed
--         'delivered', how many are left, 'last' where the last was used or 'more', and the exposure of each package
--         before this claim (stock.lua), none where all were fresh
--         'failed', why

local now = tonumber(ARGV[1])
local authorMax, authorWindow = tonumber(ARGV[2]), tonumber(ARGV[3])
local addressMax, addressWindow = tonumber(ARGV[4]), tonumber(ARGV[5])
local redeliverySeconds, retireAfterSeconds = tonumber(ARGV[6]), tonumber(ARGV[7])
local longestWindow = math.max(authorWindow, addressWindow)
local isRepeated = redeliverySeconds > 0
-- `RELEASE_SECONDS`
local keptUntil = now + math.max(redeliverySeconds, 60)
-- So many deliveries or visits may be over before a claim sees to them: most often a `put` or a sweep comes first.
local MOST_OVER = 32

-- The answer to a claim that delivers these packages, before anything is done to them.
local function answerWith(places)
  local answer, exposures = { '' }, { '' }
  for index, place in ipairs(places) do
    answer[index + 1] = redis.call('HGET', STOCK, place.number)
    exposures[index + 1] = exposureOf(place)
  end
  return answer, table.concat(exposures, ' ')
end

local function delivered(remaining, last)
  return 'delivered ' .. remaining .. (last and ' last' or ' more')
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
local function redeliver(stock, number)
  local delivery = number and deliveryAt(number)
  if not delivery or delivery.keptUntil <= now or delivery.deliveredAt + redeliverySeconds <= now then
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
  saveDelivery(stock, delivery)
  answer[1] = delivered(#stock.places, last) .. exposures
  return answer
end

-- `deliveryOf` and `remember`
local function remember(stock, requester, spent, last)
  if isRepeated then
    write(stock, 'r' .. requester, stock.next)
  end
  local delivery = packDelivery(now, keptUntil, 1, orderOf(spent), last, isRepeated and requester or '')
  write(stock, 'd' .. stock.next, delivery)
  stock.next = stock.next + 1
  stock.oldestUntil = math.min(stock.oldestUntil, keptUntil)
end

-- `take`
local function take(stock, requester, maximum)
  local slots, chosen, spendable = choose(stock.places, maximum)
  if #slots > 0 then
    local answer = answerWith(slots)
    answer[1] = delivered(#stock.places)
    return answer
  end
  if #chosen == 0 then
    return { 'none' }
  end
  local answer, exposures = answerWith(chosen)
  local last = #chosen == spendable and table.remove(chosen) or nil
  takeOut(stock, chosen)
  if #chosen > 0 or (last and isRepeated) then
    remember(stock, requester, chosen, isRepeated and last and header(last).id or '')
  end
  if last then
    expose(stock, last)
  end
  answer[1] = delivered(#stock.places, last) .. exposures
  return answer
end

-- `take` of what most claims ask for: the first of many fresh packages. It looks at no others, and so is as short as it
-- can be; nil where it has to be `take`. `visit` is what is written besides, after the number of the visit.
local function takeFirst(state, order, requester, maximum, visit)
  local due, expiresAt, rows, first, number, oldestUntil, firstVisit, nextVisit, visitsUntil =
    struct.unpack(STATE, state)
  local length = maximum * PLACE_LENGTH
  if
    not wantsPackages
    or maximum < 1
    or length >= #order
    or string.byte(order, -PLACE_LENGTH) >= EXPOSED
    or due <= now
    or expiresAt < now + longestWindow
    or (oldestUntil <= now and number - first >= MOST_OVER)
    or (visitsUntil <= now and nextVisit - firstVisit >= MOST_OVER)
  then
    return nil
  end
  local left = string.sub(order, length + 1)
  local answer = { delivered(#left / PLACE_LENGTH) }
  for from = NUMBER_FROM, length, PLACE_LENGTH do
    local row = struct.unpack('>I4', order, from)
    table.insert(answer, redis.call('HGET', STOCK, row))
  end
  local spent = string.sub(order, 1, length)
  local nextState = struct.pack(
    STATE,
    due,
    expiresAt,
    rows,
    first,
    number + 1,
    math.min(oldestUntil, keptUntil),
    firstVisit,
    nextVisit + 1,
    math.min(visitsUntil, now + longestWindow)
  )
  local delivery = packDelivery(now, keptUntil, 1, spent, '', isRepeated and requester or '')
  local fields = { 'state', nextState, 'order', left, 'd' .. number, delivery, 'v' .. nextVisit, unpack(visit) }
  if isRepeated then
    fields[#fields + 1], fields[#fields + 2] = 'r' .. requester, number
  end
  redis.call('HSET', STOCK, unpack(fields))
  return answer, oldestUntil == NEVER or visitsUntil == NEVER
end

-- The quota that has to be waited for longest; nil where both have room.
local function limited(ofRequester, usedByRequester, ofAddress, usedByAddress)
  local requesterWaits, addressWaits = 0, 0
  if usedByRequester >= authorMax then
    requesterWaits = secondsUntilRoom(ofRequester, usedByRequester, authorMax, authorWindow, now)
  end
  if usedByAddress >= addressMax then
    addressWaits = secondsUntilRoom(ofAddress, usedByAddress, addressMax, addressWindow, now)
  end
  if addressWaits > requesterWaits then
    return 'limited perAddress ' .. addressWaits
  end
  return requesterWaits > 0 and 'limited perAuthor ' .. requesterWaits or nil
end

-- Everything that is not `takeFirst`. Returns the answer, and whether it is due.
local function claimAny(stock, newest, requester, maximum, visit)
  settle(stock, retireAfterSeconds, now)
  forgetDeliveries(stock, now)
  forgetVisits(stock, now)
  local isDue = stock.oldestUntil == NEVER or stock.visitsUntil == NEVER
  local answer = redeliver(stock, newest) or take(stock, requester, maximum)
  addVisit(stock, visit, now + longestWindow)
  keepStock(stock, now + longestWindow, now)
  save(stock)
  answer[1] = reply(answer[1], stock)
  return answer, isDue
end

local function claim(requester, address, maximum)
  local requesterField, addressField = 'q' .. requester, 'a' .. address
  local state, order, requesterWindow, addressesWindow, newest =
    unpack(redis.call('HMGET', STOCK, 'state', 'order', requesterField, addressField, 'r' .. requester))
  if not order then
    return { '- none' }
  end
  -- `countClaim`
  local ofRequester, usedByRequester = slide(requesterWindow, authorWindow, now)
  local ofAddress, usedByAddress = slide(addressesWindow, addressWindow, now)
  local refusal = limited(ofRequester, usedByRequester, ofAddress, usedByAddress)
  if refusal then
    return { '- ' .. refusal }
  end
  local visit = {
    packVisit(now, longestWindow, requester, address),
    requesterField,
    recorded(ofRequester, usedByRequester, 1, now),
    addressField,
    recorded(ofAddress, usedByAddress, 1, now),
  }
  local answer, isDue
  if not newest then
    answer, isDue = takeFirst(state, order, requester, maximum, visit)
  end
  if not answer then
    answer, isDue = claimAny(stockOf(state, order), newest, requester, maximum, visit)
  end
  answer[1] = (isDue and 'due ' or '- ') .. answer[1]
  return answer
end

local replies = {}
for index = 1, #KEYS do
  local argument = 4 * index + 4
  STOCK = KEYS[index]
  want(ARGV[argument])
  local isDone, answer =
    pcall(claim, ARGV[argument + 2], ARGV[argument + 3], tonumber(ARGV[argument + 1]))
  replies[index] = isDone and answer or { '- failed ' .. (type(answer) == 'table' and answer.err or tostring(answer)) }
end
return replies
