-- The fast path of claims: hands out the first of many fresh packages where nothing else has to be looked at. Of any other
-- claim it changes nothing, and answers with what `claim` of plugin/stock/ decides by. On a cluster all claims of a call
-- are of one author.
--
-- KEYS of each claim: the author's stock and events (layout.ts), the windows of the requester and of the address
-- ARGV 1 now, in seconds since the epoch
--      2, 3 quota per author: most claims, and the window's length in seconds
--      4, 5 quota per address, likewise
--      6 a requester who claimed after this may be sent the same again
--      7 a package exposed until then may retire
--      8 until when a delivery is kept
--      9, 10 how long the windows of a requester and of an address are kept, in seconds
--      then for each claim: the most packages, 0 where it is not for the fast path; 1 where it asks for slots too, or 0;
--      and the requester
--
-- Returns for each claim one of
--         'more', or 'due' where a sweep should look at the author; how many packages are left; their rows
--         'slow', all of the stock (false after another slow claim of the author), both windows
--         'failed', why
-- include: window.lua

local call = redis.call
local now, authorMax, authorSeconds = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local addressMax, addressSeconds = tonumber(ARGV[4]), tonumber(ARGV[5])
local repeatedAfter, retiredUntil, deliveryUntil = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local oneClaim = recordOf(now, 1)
-- As long as the name of a row (layout.ts).
local ROW = 11
local HEAD = '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d)$'

local replies = {}
-- Authors of whom a claim was slow: so are all that come after it, since that one was first.
local slow = {}

local function answer(word)
  replies[#replies + 1] = word
end

-- Whether the claim was answered.
local function take(stock, events, requesterWindow, addressWindow, maximum, asksSlots, requester)
  local found = call('HMGET', stock, 'version', 'head', 'fresh')
  local version, head, fresh = found[1], found[2], found[3]
  local taken = maximum * ROW
  if not head or taken < ROW or taken >= #fresh or slow[stock] then
    return false
  end
  local _, _, headVersion, dueAt, exposedAt, keptUntil, others, slots, isQuiet = string.find(head, HEAD)
  if
    not headVersion
    or tonumber(dueAt) <= now
    or tonumber(exposedAt) <= retiredUntil
    or tonumber(keptUntil) < deliveryUntil
    or (asksSlots == '1' and slots ~= '0')
  then
    return false
  end
  local windows = call('MGET', requesterWindow, addressWindow)
  local ofRequester, usedByRequester = slide(windows[1], authorSeconds, now)
  local ofAddress, usedByAddress = slide(windows[2], addressSeconds, now)
  if usedByRequester >= authorMax or usedByAddress >= addressMax then
    return false
  end
  if windows[1] and newestAt(windows[1]) > repeatedAfter then
    return false
  end
  local rows = {}
  for from = 1, taken, ROW do
    local row = call('HGET', events, sub(fresh, from, from + ROW - 1))
    if not row then
      return false
    end
    rows[#rows + 1] = row
  end
  local nextVersion = string.format('%.0f', tonumber(version) + 1)
  local delivery = ARGV[1] .. ' ' .. ARGV[8] .. ' 1 ' .. sub(fresh, 1, taken) .. ' - ' .. requester
  call('HSET', stock, 'version', nextVersion, 'fresh', sub(fresh, taken + 1), 'd' .. nextVersion, delivery)
  call('SET', requesterWindow, recorded(ofRequester, usedByRequester, now, 1, oneClaim), 'EX', ARGV[9])
  call('SET', addressWindow, recorded(ofAddress, usedByAddress, now, 1, oneClaim), 'EX', ARGV[10])
  answer(isQuiet == '1' and version == headVersion and 'due' or 'more')
  answer(tonumber(others) + #fresh / ROW - maximum)
  for _, row in ipairs(rows) do
    answer(row)
  end
  return true
end

local function claim(index)
  local key, argument = 4 * index - 3, 8 + 3 * index
  local stock, events, requesterWindow, addressWindow = unpack(KEYS, key, key + 3)
  local maximum, asksSlots, requester = unpack(ARGV, argument, argument + 2)
  if take(stock, events, requesterWindow, addressWindow, tonumber(maximum), asksSlots, requester) then
    return
  end
  local windows = call('MGET', requesterWindow, addressWindow)
  local all = not slow[stock] and call('HGETALL', stock)
  slow[stock] = true
  answer('slow')
  answer(all)
  answer(windows[1])
  answer(windows[2])
end

for index = 1, #KEYS / 4 do
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
