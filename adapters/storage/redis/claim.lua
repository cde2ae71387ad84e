-- The fast path of claims: hands out the first of many fresh packages, or the packages that every claim gets, if nothing else
-- needs to be considered. For any other claim it changes nothing, and returns the data that `claim` of plugin/stock/ decides
-- on. It knows no rule about strangers: the stock says how many fresh packages are left to them. On a cluster, all claims of a
-- call are on one author.
--
-- KEYS of each claim: the author's stock (layout.ts)
-- ARGV 1 now, in seconds since the epoch
--      2, 3 quota per author: maximum number of claims, and the window's length in seconds
--      4, 5, 6 quota per address, likewise, and the maximum of a network
--      7 if claims may be repeated, a requester who claimed after this time may get the same packages again; otherwise ''
--      8, 9, 10 until when a delivery, the window of a requester, and that of an address or network are kept
--      11 a version that is unique to this call
--      12 the terms, as they end the field `head`
--      13 the maximum number of fresh packages that a stranger at a new address takes; '' if addresses do not matter
--      14 until when a take is remembered; '' if it is not
--      15 and on, seven for each claim:
--        `k` for a requester whom the author knows, `s` for a stranger, `?` if that was not looked up; '' for a claim that the
--          fast path does not support
--        the maximum number of one-time packages; 0 if it asks for slots alone, and is not counted
--        the maximum number of slots, or `all`; '' if it asks for none
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
local call, KEYS, ARGV, unpack, tonumber = redis.call, KEYS, ARGV, unpack, tonumber
local find, byte, format = string.find, string.byte, string.format
local COMMON, EACH = 14, 7
local now, authorMax, authorSeconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local addressMax, addressSeconds, networkMax = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
-- Claim windows start with these times (window.lua).
local requesterUntil, addressUntil, repeatedAfter = format('%011d', ARGV[9]), format('%011d', ARGV[10]), tonumber(ARGV[7])
local version, terms, takenUntil = ARGV[11], ARGV[12], ARGV[14]
local areAddressesAlike, newcomerMax = ARGV[13] == '', tonumber(ARGV[13]) or math.huge
local oneClaim = recordOf(now, 1)
-- The lengths of a row name and of the field head without the terms (layout.ts, head.ts).
local ROW, HEAD = 6, 46
local YES = byte('1')
local AGAIN_ID, AGAIN_SINCE, AGAIN_COUNT = 7, 71, 82
-- Maximum size of `taken` in bytes; beyond that, a slow claim moves it into `deliveries`.
local MAX_TAKEN = 16384
local deliveryHead = ARGV[1] .. ' ' .. ARGV[8] .. ' 1 '

local replies, answered = {}, 0
-- Authors with a slow claim: their later claims are slow too, to keep the order.
local slow = {}

-- The claim that is being answered, and its author's stock.
local index, stock, standing, wanted, wantedSlots, recipient, requester, address, network
local head, fresh, taken, takes
-- The arguments of HSET after the stock: the fields that change, each followed by its value.
local changes, changed = {}, 0

local function answer(word)
  answered = answered + 1
  replies[answered] = word
end

local function change(field, value)
  changes[changed + 1] = field
  changes[changed + 2] = value
  changed = changed + 2
end

local function number(text, from, to)
  return sub(text, from, to) + 0
end

-- Counts the claim in a window, of which `records` and `used` remain.
local function count(field, keptUntil, records, used)
  change(field, keptUntil .. recorded(records, used, now, 1, oneClaim))
end

-- The rows of the slots, at most as many as the claim asks for; nothing if there are none, or it does not ask for them.
local function slotRows()
  if wantedSlots ~= '' and byte(head, 40) == YES then
    local most = tonumber(wantedSlots)
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
  return '\t' .. takenUntil .. '\t' .. address .. '\t' .. (network == '' and '\n' or network .. '\t\n')
end

-- The row of the shared package, how many fresh ones remain, and its exposure.
local function shared()
  local again, counted = unpack(call('HMGET', stock, 'again', 'counted'))
  change('counted', counted + 1)
  if repeatedAfter then
    local id = sub(again, AGAIN_ID, AGAIN_SINCE - 1)
    change('taken', taken .. deliveryHead .. '- ' .. id .. ' ' .. recipient .. '\n')
  end
  local times = number(again, AGAIN_COUNT, -1) + counted
  return sub(again, 1, ROW), #fresh / ROW, number(again, AGAIN_SINCE, AGAIN_COUNT - 1) .. ':' .. times
end

-- The rows to deliver, how many fresh packages remain, and the exposure of a shared package; 'needs-known'; or nothing for a
-- slow claim.
local function choose()
  local slots = slotRows()
  if slots then
    return slots, #fresh / ROW
  end
  local stored = #fresh / ROW
  local left = stored - number(head, 42, 46)
  if standing ~= 'k' and wanted <= left and wanted <= newcomerMax and (areAddressesAlike or isNewcomer()) then
    local rows = sub(fresh, 1, wanted * ROW)
    change('fresh', sub(fresh, wanted * ROW + 1))
    change('taken', taken .. deliveryHead .. rows .. ' - ' .. recipient .. taker())
    return rows, stored - wanted
  end
  if byte(head, 41) ~= YES then
    return
  end
  if stored == 0 then
    return shared()
  end
  if standing ~= 'k' and left <= 0 and now < number(head, 12, 22) then
    if standing == '?' then
      return 'needs-known'
    end
    return shared()
  end
end

-- The events of these rows; nothing if one is missing.
local function eventsOf(rows)
  local events = {}
  for from = 1, rows and #rows or 0, ROW do
    events[#events + 1] = call('HGET', stock, sub(rows, from, from + ROW - 1)) or nil
  end
  return rows and #events * ROW == #rows and events
end

local function deliver(word, remaining, events, exposure)
  answer(word)
  answer(remaining)
  answer(#events)
  for place = 1, #events do
    answer(events[place])
  end
  answer(exposure or '')
  return true
end

-- Returns whether the fast path answered the claim.
local function take()
  local fields = call('HMGET', stock, 'head', 'fresh', 'taken', 'takes', requester, address, network)
  head, fresh, taken, takes = fields[1], fields[2], fields[3], fields[4]
  if
    standing == ''
    or not head
    or sub(head, HEAD + 1) ~= terms
    or number(head, 1, 11) <= now
    or #taken > MAX_TAKEN
  then
    return false
  end
  if wanted == 0 then
    local slots = eventsOf(slotRows())
    return slots and deliver('more', #fresh / ROW, slots)
  end
  local ofRequester, usedByRequester = slide(fields[5], authorSeconds, now, AT)
  local ofAddress, usedByAddress = slide(fields[6], addressSeconds, now, AT)
  local ofNetwork, usedByNetwork = slide(fields[7], addressSeconds, now, AT)
  if usedByRequester >= authorMax or usedByAddress >= addressMax or usedByNetwork >= networkMax then
    return false
  end
  if repeatedAfter and fields[5] and newestAt(fields[5]) > repeatedAfter then
    return false
  end
  changed = 0
  local rows, remaining, exposure = choose()
  if rows == 'needs-known' then
    answer(rows)
    return true
  end
  local events = eventsOf(rows)
  if not events then
    return false
  end
  change('version', version .. index)
  count(requester, requesterUntil, ofRequester, usedByRequester)
  count(address, addressUntil, ofAddress, usedByAddress)
  if network ~= '' then
    count(network, addressUntil, ofNetwork, usedByNetwork)
  end
  local isDue = byte(head, 39) == YES
  if isDue then
    change('head', sub(head, 1, 38) .. '0' .. sub(head, 40))
  end
  call('HSET', stock, unpack(changes, 1, changed))
  return deliver(isDue and 'due' or 'more', remaining, events, exposure)
end

local function claim()
  local from = COMMON + EACH * (index - 1)
  stock = KEYS[index]
  standing, wanted, wantedSlots = ARGV[from + 1], ARGV[from + 2] + 0, ARGV[from + 3]
  recipient, requester, address, network = ARGV[from + 4], ARGV[from + 5], ARGV[from + 6], ARGV[from + 7]
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
  local before = answered
  index = place
  local isDone, fault = pcall(claim)
  if not isDone then
    for from = answered, before + 1, -1 do
      replies[from] = nil
    end
    answered = before
    answer('failed')
    answer(type(fault) == 'table' and fault.err or tostring(fault))
  end
end
return replies
