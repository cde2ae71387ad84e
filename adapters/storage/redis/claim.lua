-- The fast path of claims: hands out the first of many fresh packages where nothing else has to be looked at. Of any other
-- claim it changes nothing, and answers with what `claim` of plugin/stock/ decides by. On a cluster all claims of a call
-- are of one author.
--
-- KEYS of each claim: the author's stock (layout.ts), the windows of the requester and of the address
-- ARGV 1 now, in seconds since the epoch
--      2, 3 quota per author: most claims, and the window's length in seconds
--      4, 5 quota per address, likewise
--      6 a requester who claimed after this may be sent the same again
--      7 a package exposed until then may retire
--      8 until when a delivery is kept
--      9, 10 how long the windows of a requester and of an address are kept, in seconds
--      11 what no other call gives
--      then for each claim: the most packages, 0 where it is not for the fast path; 1 where it asks for slots too, or 0;
--      and the requester
--
-- Returns for each claim one of
--         'more', or 'due' where a sweep should look at the author; how many packages are left; their rows
--         'slow', the fields of the stock (false after another slow claim of the author), both windows
--         'failed', why
-- include: window.lua

local call = redis.call
local now, authorMax, authorSeconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local addressMax, addressSeconds = tonumber(ARGV[4]), tonumber(ARGV[5])
local repeatedAfter, retiredUntil, deliveryUntil = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local oneClaim = recordOf(now, 1)
-- As long as the name of a row, and the field head (layout.ts).
local ROW, HEAD = 6, 44
-- So many bytes of deliveries may wait to be folded into the others.
local MAX_TAKEN = 16384
local deliveryHead = ARGV[1] .. ' ' .. ARGV[8] .. ' 1 '

local replies = {}
-- Authors of whom a claim was slow: so are all that come after it, since that one was first.
local slow = {}

-- All windows, as far as this call has changed them.
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

-- Whether the claim was answered.
local function take(index, stock, requesterWindow, addressWindow, maximum, asksSlots, requester)
  local found = call('HMGET', stock, 'head', 'fresh', 'taken')
  local head, fresh, before = found[1], found[2], found[3]
  local taken = maximum * ROW
  if
    not head
    or #head ~= HEAD
    or taken < ROW
    or taken >= #fresh
    or #before > MAX_TAKEN
    or number(head, 1, 11) <= now
    or number(head, 12, 22) <= retiredUntil
    or number(head, 23, 33) < deliveryUntil
    or (asksSlots == '1' and sub(head, 39, 43) ~= '00000')
  then
    return false
  end
  local ofRequester, usedByRequester = slide(windows[requesterWindow], authorSeconds, now)
  local ofAddress, usedByAddress = slide(windows[addressWindow], addressSeconds, now)
  if usedByRequester >= authorMax or usedByAddress >= addressMax then
    return false
  end
  if windows[requesterWindow] and newestAt(windows[requesterWindow]) > repeatedAfter then
    return false
  end
  local rows = {}
  for from = 1, taken, ROW do
    local row = call('HGET', stock, sub(fresh, from, from + ROW - 1))
    if not row then
      return false
    end
    rows[#rows + 1] = row
  end
  local delivery = deliveryHead .. sub(fresh, 1, taken) .. ' - ' .. requester .. '\n'
  call('HSET', stock, 'version', ARGV[11] .. index, 'fresh', sub(fresh, taken + 1), 'taken', before .. delivery)
  count(requesterWindow, ofRequester, usedByRequester, ARGV[9])
  count(addressWindow, ofAddress, usedByAddress, ARGV[10])
  answer(before == '' and sub(head, 44, 44) == '1' and 'due' or 'more')
  answer(number(head, 34, 38) + #fresh / ROW - maximum)
  for _, row in ipairs(rows) do
    answer(row)
  end
  return true
end

local function claim(index)
  local stock, requesterWindow, addressWindow = unpack(KEYS, 3 * index - 2, 3 * index)
  local maximum, asksSlots, requester = unpack(ARGV, 3 * index + 9, 3 * index + 11)
  if
    not slow[stock]
    and take(index, stock, requesterWindow, addressWindow, tonumber(maximum), asksSlots, requester)
  then
    return
  end
  local fields = not slow[stock]
    and call('HMGET', stock, 'version', 'head', 'fresh', 'taken', 'packages', 'deliveries')
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
