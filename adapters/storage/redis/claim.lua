-- `claim` of claim.ts: hands out packages of some authors. On a cluster it is one author a time.
--
-- KEYS the stock of each author (layout.lua)
-- ARGV 1 now, in seconds since the epoch
--      2, 3 quota per author: most claims, and the window's length in seconds
--      4, 5 quota per address, likewise
--      6 how long a claim is repeated, in seconds
--      7 how long an exposed package stays, in seconds
--      8 and on, for each claim: the most packages without a slot, a space and what is wanted (selection.lua); and the
--      names of the windows of the requester and of the address it came from
--
-- Returns for each claim a line, and what the line announces. It begins with 'due ' where there is now something of the
-- author that a sweep should forget one day, or '- '; then come its outcome and what left the stock (stock.lua). The
-- outcome is one of
--         'none': the author is unknown, or has no package that fits
--         'limited', 'perAuthor' or 'perAddress', seconds to wait: nothing changed
--         'delivered', 'last' where the last was used or 'more', how many packages, and the exposure of each before this
--         claim (places.lua), none where all were fresh. After it come how many are left, and the row of each package
--         'failed', why

-- So many deliveries or visits may be over before a claim sees to them: most often a `put` or a sweep comes first.
local MOST_OVER = 32

-- The names of both windows of the claim at hand, and what is in them with it.
local windows = {}
local replies = {}

-- What is written where a visit's delivery may be repeated.
local function repeatable(requester, name)
  if isRepeated then
    return 'r' .. requester, name
  end
end

-- `take` of what most claims ask for: the first of many fresh packages. It looks at no others, and so is as short as it
-- can be; false where it has to be `take`.
local function takeFirst(order, requester, wish)
  local nextOne, oldestUntil, visitsUntil, due, keptUntil, first, firstVisit = unpackBytes(HEAD, order)
  local taken = HEAD_LENGTH + wish.maximum * PLACE_LENGTH
  if
    wish.maximum < 1
    or taken >= #order
    or string.byte(order, -PLACE_LENGTH) >= EXPOSED
    or due <= now
    or keptUntil < visitUntil
    or (oldestUntil <= now and nextOne - first >= MOST_OVER)
    or (visitsUntil <= now and nextOne - firstVisit >= MOST_OVER)
  then
    return false
  end
  local isDue = oldestUntil == NEVER or visitsUntil == NEVER
  local last = #replies + 2
  replies[last - 1] = isDue and wish.dueAnswer or wish.answer
  replies[last] = (#order - taken) / PLACE_LENGTH
  for from = HEAD_LENGTH, taken - 1, PLACE_LENGTH do
    last = last + 1
    replies[last] = call('HGET', STOCK, sub(order, from + ROW_FROM, from + ROW_TO))
  end
  local changing =
    packBytes(CHANGING, nextOne + 1, math.min(oldestUntil, deliveryUntil), math.min(visitsUntil, visitUntil))
  local spent = sub(order, HEAD_LENGTH + 1, taken)
  local name = 'v' .. sub(order, 1, 4)
  call(
    'HSET',
    STOCK,
    'order',
    changing .. sub(order, CHANGING_LENGTH + 1, HEAD_LENGTH) .. sub(order, taken + 1),
    name,
    wish.visit .. spent .. windows.requester .. '\n' .. windows.address .. '\n' .. requester,
    windows.requester,
    windows.ofRequester,
    windows.address,
    windows.ofAddress,
    repeatable(requester, name)
  )
  return true
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

local function answer(words)
  for _, word in ipairs(words) do
    table.insert(replies, word)
  end
end

local function claim(requesterWindow, addressWindow, wish)
  local found = call('HMGET', STOCK, 'order', requesterWindow, addressWindow)
  local order = found[1]
  if not order then
    return answer({ '- none' })
  end
  -- `countClaim`
  local ofRequester, usedByRequester = slide(found[2], authorSeconds, now)
  local ofAddress, usedByAddress = slide(found[3], addressSeconds, now)
  if usedByRequester >= authorMax or usedByAddress >= addressMax then
    return answer({ limited(ofRequester, usedByRequester, ofAddress, usedByAddress) })
  end
  -- The window's name is a letter, and whose it is.
  local requester = isRepeated and sub(requesterWindow, 2) or ''
  local newest = isRepeated and call('HGET', STOCK, 'r' .. requester)
  windows.requester, windows.ofRequester = requesterWindow, recorded(ofRequester, usedByRequester, oneClaim)
  windows.address, windows.ofAddress = addressWindow, recorded(ofAddress, usedByAddress, oneClaim)
  if newest or not wish.isPlain or not takeFirst(order, requester, wish) then
    claimAny = claimAny or makeClaimAny()
    answer(claimAny(order, newest, requester, wish, windows))
  end
end

local function wishOf(asked)
  local maximum, wanted = string.match(asked, '^(%S+) (.*)$')
  return {
    asked = asked,
    maximum = tonumber(maximum),
    wanted = wanted,
    isPlain = wanted == 'p' or wanted == 'ps',
    -- What the visit begins with that `takeFirst` makes, and what it says of it.
    visit = packBytes(VISIT, visitUntil, now, deliveryUntil, 1, maximum, 0),
    answer = '- delivered more ' .. maximum,
    dueAnswer = 'due delivered more ' .. maximum,
  }
end

local wish = {}
for index = 1, #KEYS do
  local argument = 3 * index + 5
  STOCK = KEYS[index]
  -- Most claims of a call wish for the same.
  if ARGV[argument] ~= wish.asked then
    wish = wishOf(ARGV[argument])
  end
  local before = #replies
  local isDone, fault = pcall(claim, ARGV[argument + 1], ARGV[argument + 2], wish)
  if not isDone then
    for from = #replies, before + 1, -1 do
      replies[from] = nil
    end
    replies[before + 1] = '- failed ' .. (type(fault) == 'table' and fault.err or tostring(fault))
  end
end
return replies
