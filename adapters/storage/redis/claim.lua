-- The fast path of claims: hands out the first of many fresh packages, or the packages that every claim gets, if nothing else
-- needs to be considered. For any other claim it changes nothing, and returns the data that `claim` of plugin/stock/ decides
-- on. On a cluster, all claims of a call are on one author.
--
-- KEYS of each claim: the author's stock (layout.ts), the windows of the requester and of the address
-- ARGV 1 now, in seconds since the epoch
--      2, 3 quota per author: maximum number of claims, and the window's length in seconds
--      4, 5 quota per address, likewise
--      6 a requester who claimed after this time may get the same packages again
--      7 a package exposed at or before this time may retire
--      8 until when a delivery is kept
--      9, 10 how long the windows of a requester and of an address are kept, in seconds
--      11 a version that is unique to this call
--      12 1 if claims may be repeated, otherwise 0
--      13 and on, for each claim: the maximum number of one-time packages; if it asks for slots too, `+`, and their maximum
--      number unless it asks for all. `0+` asks for slots alone, which are not counted; 0 is a claim that the fast path does
--      not support. After it, the recipient
--
-- Returns for each claim one of
--         'more', or 'due' if a sweep should visit the author; how many fresh packages are left; the number of rows; the rows;
--         the previous exposure of a last package, or ''
--         'slow', the fields of the stock (false after another slow claim on the author), both windows
--         'failed', the reason
-- include: window.lua

-- Locals, because Lua looks up a global on every use.
local call, KEYS, ARGV, unpack, tonumber = redis.call, KEYS, ARGV, unpack, tonumber
local now, authorMax, authorSeconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local addressMax, addressSeconds = tonumber(ARGV[4]), tonumber(ARGV[5])
local repeatedAfter, retiredUntil, deliveryUntil = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local oneClaim = recordOf(now, 1)
-- The lengths of a row name and of the field head (layout.ts).
local ROW, HEAD = 6, 41
local AGAIN_ID, AGAIN_SINCE, AGAIN_COUNT = 7, 71, 82
-- Maximum size of `taken` in bytes; beyond that, a slow claim moves it into `deliveries`.
local MAX_TAKEN = 16384
local deliveryHead = ARGV[1] .. ' ' .. ARGV[8] .. ' 1 '

local replies = {}
-- Authors with a slow claim: their later claims are slow too, to keep the order.
local slow = {}

-- All windows, with the changes of this call.
local windowKeys, windows = {}, {}
for key = 1, #KEYS, 3 do
  windowKeys[#windowKeys + 1] = KEYS[key + 1]
  windowKeys[#windowKeys + 1] = KEYS[key + 2]
end
for index, window in ipairs(call('MGET', unpack(windowKeys))) do
  windows[windowKeys[index]] = window
end

local function answer(word)
  replies[#replies + 1] = word
end

local function number(text, from, to)
  return tonumber(sub(text, from, to))
end

local function count(key, records, used, seconds)
  windows[key] = recorded(records, used, now, 1, oneClaim)
  call('SET', key, windows[key], 'EX', seconds)
end

-- The rows of the slots, at most as many as the claim asks for; nothing if there are none, or it does not ask for them.
local function slotRows(stock, head, asked)
  local plus = string.find(asked, '+', 1, true)
  if plus and sub(head, 40, 40) == '1' then
    local most = tonumber(sub(asked, plus + 1))
    return sub(call('HGET', stock, 'always'), 1, most and most * ROW)
  end
end

-- The rows to deliver, and the changed fields of the stock; nothing for a slow claim.
local function choose(stock, head, fresh, taken, asked, recipient)
  local slots = slotRows(stock, head, asked)
  if slots then
    return slots, {}
  end
  local length = tonumber(string.match(asked, '^%d+')) * ROW
  if length >= ROW and length < #fresh then
    local rows = sub(fresh, 1, length)
    local delivery = deliveryHead .. rows .. ' - ' .. recipient .. '\n'
    return rows, { 'fresh', sub(fresh, length + 1), 'taken', taken .. delivery }, true
  end
  if length >= ROW and sub(head, 41, 41) == '1' then
    local again, counted = unpack(call('HMGET', stock, 'again', 'counted'))
    local change = { 'counted', counted + 1 }
    if ARGV[12] == '1' then
      change[3] = 'taken'
      change[4] = taken .. deliveryHead .. '- ' .. sub(again, AGAIN_ID, AGAIN_SINCE - 1) .. ' ' .. recipient .. '\n'
    end
    local count = number(again, AGAIN_COUNT, -1) + counted
    local exposure = number(again, AGAIN_SINCE, AGAIN_COUNT - 1) .. ':' .. count
    return sub(again, 1, ROW), change, ARGV[12] == '1', exposure
  end
end

-- The events of these rows; nothing if one is missing.
local function eventsOf(stock, chosen)
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
local function take(index, stock, requesterWindow, addressWindow, asked, recipient)
  local fields = call('HMGET', stock, 'head', 'fresh', 'taken')
  local head, fresh, taken = fields[1], fields[2], fields[3]
  if
    not head
    or #head ~= HEAD
    or #taken > MAX_TAKEN
    or number(head, 1, 11) <= now
    or number(head, 12, 22) <= retiredUntil
    or number(head, 23, 33) < deliveryUntil
  then
    return false
  end
  if sub(asked, 1, 2) == '0+' then
    local slots = eventsOf(stock, slotRows(stock, head, asked))
    return slots and deliver('more', #fresh / ROW, slots)
  end
  local ofRequester, usedByRequester = slide(windows[requesterWindow], authorSeconds, now)
  local ofAddress, usedByAddress = slide(windows[addressWindow], addressSeconds, now)
  if usedByRequester >= authorMax or usedByAddress >= addressMax then
    return false
  end
  if windows[requesterWindow] and newestAt(windows[requesterWindow]) > repeatedAfter then
    return false
  end
  local chosen, change, isDelivery, exposure = choose(stock, head, fresh, taken, asked, recipient)
  local events = eventsOf(stock, chosen)
  if not events then
    return false
  end
  call('HSET', stock, 'version', ARGV[11] .. index, unpack(change))
  count(requesterWindow, ofRequester, usedByRequester, ARGV[9])
  count(addressWindow, ofAddress, usedByAddress, ARGV[10])
  local word = isDelivery and taken == '' and sub(head, 39, 39) == '1' and 'due' or 'more'
  local left = #(change[1] == 'fresh' and change[2] or fresh) / ROW
  return deliver(word, left, events, exposure)
end

local function claim(index)
  local stock, requesterWindow, addressWindow = unpack(KEYS, 3 * index - 2, 3 * index)
  if
    not slow[stock]
    and take(index, stock, requesterWindow, addressWindow, ARGV[11 + 2 * index], ARGV[12 + 2 * index])
  then
    return
  end
  local fields = not slow[stock]
    and call('HMGET', stock, 'version', 'head', 'fresh', 'taken', 'always', 'again', 'counted', 'packages', 'deliveries', 'deletions', 'takes')
  slow[stock] = true
  answer('slow')
  answer(fields)
  answer(windows[requesterWindow])
  answer(windows[addressWindow])
end

for index = 1, #KEYS / 3 do
  local before = #replies
  local isDone, fault = pcall(claim, index)
  if not isDone then
    for from = #replies, before + 1, -1 do
      replies[from] = nil
    end
    answer('failed')
    answer(type(fault) == 'table' and fault.err or tostring(fault))
  end
end
return replies
