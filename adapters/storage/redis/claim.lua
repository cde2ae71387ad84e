-- The fast path of claims: hands out the first of many fresh packages, or the packages that every claim gets, if nothing else
-- needs to be considered. For any other claim it changes nothing, and returns the data that `claim` of plugin/stock/ decides
-- on. It knows no rule about strangers: the stock says how many fresh packages are left to them. On a cluster, all claims of a
-- call are on one author.
--
-- KEYS of each claim: the author's stock (layout.ts)
-- ARGV 1 now, in seconds since the epoch
--      2, 3 quota per author: maximum number of claims, and the window's length in seconds
--      4, 5, 6 quota per address, likewise, and the maximum of a network
--      7 a requester who claimed after this time may get the same packages again
--      8 a package exposed at or before this time may retire
--      9, 10, 11 until when a delivery, the window of a requester, and that of an address or network are kept
--      12 until when a stock must be kept at least
--      13 a version that is unique to this call
--      14 1 if claims may be repeated, otherwise 0
--      15 the terms for strangers, as they end the field `head`
--      16 the maximum number of fresh packages that a stranger at a new address takes; '' if addresses do not matter
--      17 until when a take is remembered; '' if it is not
--      18 and on, five for each claim:
--        what it asks for: '' if the fast path does not support it. Otherwise `k` for a requester whom the author knows, `s`
--          for a stranger, `?` if that was not looked up; the maximum number of one-time packages; if it asks for slots too,
--          `+`, and their maximum number unless it asks for all. A claim with `0+` asks for slots alone, and is not counted
--        the recipient
--        the windows of the requester, the address and the network ('' if there is none), as fields of the stock
--
-- Returns for each claim one of
--         'more', or 'due' if a sweep should visit the author; how many fresh packages are left; the number of rows; the rows;
--         the previous exposure of a shared package, or ''
--         'needs-known'
--         'slow', the fields of the stock (false after another slow claim on the author), the windows
--         'failed', the reason
-- include: window.lua

-- Locals, because Lua looks up a global on every use.
local call, KEYS, ARGV, unpack, tonumber, find = redis.call, KEYS, ARGV, unpack, tonumber, string.find
local COMMON, EACH = 17, 5
local now, authorMax, authorSeconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local addressMax, addressSeconds, networkMax = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local repeatedAfter, retiredUntil, neededUntil = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[12])
local requesterUntil, addressUntil = untilOf(ARGV[10]), untilOf(ARGV[11])
local version, mayRepeat, terms, takenUntil = ARGV[13], ARGV[14] == '1', ARGV[15], ARGV[17]
local areAddressesAlike, newcomerMax = ARGV[16] == '', tonumber(ARGV[16]) or math.huge
local oneClaim = recordOf(now, 1)
-- The lengths of a row name and of the field head without the terms (layout.ts).
local ROW, HEAD = 6, 57
local AGAIN_ID, AGAIN_SINCE, AGAIN_COUNT = 7, 71, 82
-- Maximum size of `taken` in bytes; beyond that, a slow claim moves it into `deliveries`.
local MAX_TAKEN = 16384
local deliveryHead = ARGV[1] .. ' ' .. ARGV[9] .. ' 1 '

local replies = {}
-- Authors with a slow claim: their later claims are slow too, to keep the order.
local slow = {}

-- The claim that is being answered, and its author's stock.
local index, stock, asked, recipient, requester, address, network
local head, fresh, taken, takes

local function answer(word)
  replies[#replies + 1] = word
end

local function number(text, from, to)
  return tonumber(sub(text, from, to))
end

-- The rows of the slots, at most as many as the claim asks for; nothing if there are none, or it does not ask for them.
local function slotRows()
  local plus = find(asked, '+', 1, true)
  if plus and sub(head, 40, 40) == '1' then
    local most = tonumber(sub(asked, plus + 1))
    return sub(call('HGET', stock, 'always'), 1, most and most * ROW)
  end
end

-- Whether nobody at the address, or in its network, is remembered to have taken a fresh package.
local function isNewcomer()
  local taker = '\t' .. address .. '\t'
  if find(taken, taker, 1, true) or find(takes, taker, 1, true) then
    return false
  end
  local neighbour = '\t' .. network .. '\t'
  return network == '' or not (find(taken, neighbour, 1, true) or find(takes, neighbour, 1, true))
end

-- The end of a line in `taken`: who took the packages.
local function taker()
  if takenUntil == '' then
    return '\n'
  end
  return '\t' .. takenUntil .. '\t' .. address .. '\t' .. (network == '' and '' or network .. '\t') .. '\n'
end

-- The shared package, its exposure, and what changes.
local function shared()
  local again, counted = unpack(call('HMGET', stock, 'again', 'counted'))
  local changes = { 'counted', counted + 1 }
  if mayRepeat then
    changes[3] = 'taken'
    changes[4] = taken .. deliveryHead .. '- ' .. sub(again, AGAIN_ID, AGAIN_SINCE - 1) .. ' ' .. recipient .. '\n'
  end
  local count = number(again, AGAIN_COUNT, -1) + counted
  return sub(again, 1, ROW), changes, number(again, AGAIN_SINCE, AGAIN_COUNT - 1) .. ':' .. count
end

-- The rows to deliver, and the changed fields of the stock; 'needs-known'; or nothing for a slow claim.
local function choose()
  local slots = slotRows()
  if slots then
    return slots, {}
  end
  local standing, wanted = sub(asked, 1, 1), tonumber(string.match(asked, '^.(%d+)'))
  if wanted == 0 then
    return
  end
  local left = #fresh / ROW - number(head, 42, 46)
  if standing ~= 'k' and wanted <= left and wanted <= newcomerMax and (areAddressesAlike or isNewcomer()) then
    local rows = sub(fresh, 1, wanted * ROW)
    local delivery = deliveryHead .. rows .. ' - ' .. recipient .. taker()
    return rows, { 'fresh', sub(fresh, wanted * ROW + 1), 'taken', taken .. delivery }
  end
  if sub(head, 41, 41) ~= '1' then
    return
  end
  if fresh == '' then
    return shared()
  end
  if standing ~= 'k' and left <= 0 and now < number(head, 47, 57) then
    if standing == '?' then
      return 'needs-known'
    end
    return shared()
  end
end

-- The events of these rows; nothing if one is missing.
local function eventsOf(chosen)
  local events = {}
  for from = 1, chosen and #chosen or 0, ROW do
    events[#events + 1] = call('HGET', stock, sub(chosen, from, from + ROW - 1)) or nil
  end
  return chosen and #events * ROW == #chosen and events
end

local function deliver(word, remaining, events, exposure)
  answer(word)
  answer(remaining)
  answer(#events)
  for _, event in ipairs(events) do
    answer(event)
  end
  answer(exposure or '')
  return true
end

-- Returns whether the fast path answered the claim.
local function take()
  local fields = call('HMGET', stock, 'head', 'fresh', 'taken', 'takes', requester, address, network)
  head, fresh, taken, takes = fields[1], fields[2], fields[3], fields[4]
  if
    asked == ''
    or not head
    or sub(head, HEAD + 1) ~= terms
    or #taken > MAX_TAKEN
    or number(head, 1, 11) <= now
    or number(head, 12, 22) <= retiredUntil
    or number(head, 23, 33) < neededUntil
  then
    return false
  end
  if sub(asked, 2, 3) == '0+' then
    local slots = eventsOf(slotRows())
    return slots and deliver('more', #fresh / ROW, slots)
  end
  local ofRequester, usedByRequester = slide(recordsOf(fields[5]), authorSeconds, now)
  local ofAddress, usedByAddress = slide(recordsOf(fields[6]), addressSeconds, now)
  local ofNetwork, usedByNetwork = slide(recordsOf(fields[7]), addressSeconds, now)
  if usedByRequester >= authorMax or usedByAddress >= addressMax or usedByNetwork >= networkMax then
    return false
  end
  if fields[5] and newestAt(fields[5]) > repeatedAfter then
    return false
  end
  local chosen, changes, exposure = choose()
  if chosen == 'needs-known' then
    answer(chosen)
    return true
  end
  local events = eventsOf(chosen)
  if not events then
    return false
  end
  local word = sub(head, 39, 39) == '1' and 'due' or 'more'
  if word == 'due' then
    changes[#changes + 1] = 'head'
    changes[#changes + 1] = sub(head, 1, 38) .. '0' .. sub(head, 40)
  end
  if network ~= '' then
    changes[#changes + 1] = network
    changes[#changes + 1] = addressUntil .. recorded(ofNetwork, usedByNetwork, now, 1, oneClaim)
  end
  call(
    'HSET', stock, 'version', version .. index,
    requester, requesterUntil .. recorded(ofRequester, usedByRequester, now, 1, oneClaim),
    address, addressUntil .. recorded(ofAddress, usedByAddress, now, 1, oneClaim),
    unpack(changes)
  )
  local left = #(changes[1] == 'fresh' and changes[2] or fresh) / ROW
  return deliver(word, left, events, exposure)
end

local function claim()
  stock = KEYS[index]
  asked, recipient, requester, address, network = unpack(ARGV, COMMON + EACH * (index - 1) + 1, COMMON + EACH * index)
  if not slow[stock] and take() then
    return
  end
  local fields = not slow[stock]
    and call(
      'HMGET', stock, 'version', 'head', 'fresh', 'taken', 'always', 'again', 'counted', 'packages', 'deliveries',
      'deletions', 'takes'
    )
  slow[stock] = true
  answer('slow')
  answer(fields)
  answer(call('HMGET', stock, requester, address, network))
end

for place = 1, #KEYS do
  local before = #replies
  index = place
  local isDone, fault = pcall(claim)
  if not isDone then
    for from = #replies, before + 1, -1 do
      replies[from] = nil
    end
    answer('failed')
    answer(type(fault) == 'table' and fault.err or tostring(fault))
  end
end
return replies
