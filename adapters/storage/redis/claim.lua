-- `claim` of stock.ts: hands out packages of some authors. On a cluster it is one author a time.
--
-- KEYS the stock of each author (stock.lua)
-- ARGV 1 now, in seconds since the epoch
--      2, 3 quota per author: most claims, and the window's length in seconds
--      4, 5 quota per address, likewise
--      6 how long a claim is repeated, in seconds
--      7 how long an exposed package stays, in seconds
--      8 and on, for each claim: the most packages without a slot, a space and what is wanted (selection.lua); and the
--      names of the windows of the requester and of the address it came from
--
-- Returns for each claim a list: 'due ' where there is now something of the author that a sweep should forget one day,
-- or '- '; its outcome and what left the stock (stock.lua); and more as the outcome says. It is one of
--         'none': the author is unknown, or has no package that fits
--         'limited', 'perAuthor' or 'perAddress', seconds to wait: nothing changed
--         'delivered', 'last' where the last was used or 'more', and the exposure of each package before this claim
--         (stock.lua), none where all were fresh; then come how many are left, and the row of each package
--         'failed', why

-- So many deliveries or visits may be over before a claim sees to them: most often a `put` or a sweep comes first.
local MOST_OVER = 32

-- What is the same in every claim of this call.
local visitHead = packBytes(VISIT, visitUntil, now)
local oneClaim = recordOf(now, 1)
-- Of the claim at hand: the visit, and its windows with the claim in them.
local visit = {}

-- The name of the newest delivery, where it may be repeated: what `takeFirst` writes at the end.
local function repeatable(requester, name)
  if isRepeated then
    return 'r' .. requester, name
  end
end

-- `take` of what most claims ask for: the first of many fresh packages. It looks at no others, and so is as short as it
-- can be; nil where it has to be `take`.
local function takeFirst(order, requester, wish)
  local nextOne, nextVisit, oldestUntil, visitsUntil, due, stays, first, firstVisit = unpackBytes(HEAD, order)
  local taken = HEAD_LENGTH + wish.maximum * PLACE_LENGTH
  if
    wish.maximum < 1
    or taken >= #order
    or string.byte(order, -PLACE_LENGTH) >= EXPOSED
    or due <= now
    or stays < visitUntil
    or (oldestUntil <= now and nextOne - first >= MOST_OVER)
    or (visitsUntil <= now and nextVisit - firstVisit >= MOST_OVER)
  then
    return nil
  end
  local isDue = oldestUntil == NEVER or visitsUntil == NEVER
  local answer = { isDue and 'due delivered more' or '- delivered more', (#order - taken) / PLACE_LENGTH }
  for from = HEAD_LENGTH, taken - 1, PLACE_LENGTH do
    answer[#answer + 1] = call('HGET', STOCK, sub(order, from + ROW_FROM, from + ROW_TO))
  end
  local changing = packBytes(
    CHANGING,
    nextOne + 1,
    nextVisit + 1,
    math.min(oldestUntil, deliveryUntil),
    math.min(visitsUntil, visitUntil)
  )
  local name = 'd' .. sub(order, 1, 4)
  call(
    'HSET',
    STOCK,
    'order',
    changing .. sub(order, CHANGING_LENGTH + 1, HEAD_LENGTH) .. sub(order, taken + 1),
    name,
    wish.delivery .. sub(order, HEAD_LENGTH + 1, taken) .. requester,
    'v' .. sub(order, 5, 8),
    visit.packed,
    visit.requesterWindow,
    visit.ofRequester,
    visit.addressWindow,
    visit.ofAddress,
    repeatable(requester, name)
  )
  return answer
end

-- Names the quota that has to be waited for longest.
local function limited(ofRequester, usedByRequester, ofAddress, usedByAddress)
  local requesterWaits, addressWaits = 0, 0
  if usedByRequester >= authorMax then
    requesterWaits = secondsUntilRoom(ofRequester, usedByRequester, authorMax, authorSeconds, now)
  end
  if usedByAddress >= addressMax then
    addressWaits = secondsUntilRoom(ofAddress, usedByAddress, addressMax, addressSeconds, now)
  end
  if addressWaits > requesterWaits then
    return '- limited perAddress ' .. addressWaits
  end
  return '- limited perAuthor ' .. requesterWaits
end

-- What is seldom needed is made when it is (claim-any.lua).
local claimAny

local function claim(requesterWindow, addressWindow, wish)
  local found = call('HMGET', STOCK, 'order', requesterWindow, addressWindow)
  local order = found[1]
  if not order then
    return { '- none' }
  end
  -- `countClaim`
  local ofRequester, usedByRequester = slide(found[2], authorSeconds, now)
  local ofAddress, usedByAddress = slide(found[3], addressSeconds, now)
  if usedByRequester >= authorMax or usedByAddress >= addressMax then
    return { limited(ofRequester, usedByRequester, ofAddress, usedByAddress) }
  end
  local requester = isRepeated and nameIn(requesterWindow) or ''
  local newest = isRepeated and call('HGET', STOCK, 'r' .. requester)
  visit.packed = visitHead .. requesterWindow .. '\n' .. addressWindow
  visit.requesterWindow = requesterWindow
  visit.ofRequester = recorded(ofRequester, usedByRequester, oneClaim)
  visit.addressWindow = addressWindow
  visit.ofAddress = recorded(ofAddress, usedByAddress, oneClaim)
  local answer = not newest and wish.isPlain and takeFirst(order, requester, wish)
  if not answer then
    claimAny = claimAny or makeClaimAny()
    answer = claimAny(order, newest, requester, wish, visit)
  end
  return answer
end

local function wishOf(asked)
  local maximum, wanted = string.match(asked, '^(%d+) (.*)$')
  return {
    asked = asked,
    maximum = tonumber(maximum),
    wanted = wanted,
    isPlain = wanted == 'p' or wanted == 'ps',
    -- What the delivery begins with that `takeFirst` makes.
    delivery = packBytes(DELIVERY, now, deliveryUntil, 1, maximum, 0),
  }
end

local replies, wish = {}, {}
for index = 1, #KEYS do
  local argument = 3 * index + 5
  STOCK = KEYS[index]
  -- Most claims of a call wish for the same.
  if ARGV[argument] ~= wish.asked then
    wish = wishOf(ARGV[argument])
  end
  local isDone, answer = pcall(claim, ARGV[argument + 1], ARGV[argument + 2], wish)
  replies[index] = isDone and answer or { '- failed ' .. (type(answer) == 'table' and answer.err or tostring(answer)) }
end
return replies
