-- `claim` of stock.ts: hands out packages of some authors. On a cluster it is one author a time.
--
-- KEYS for each claim
--      1 to 3 the author's stock (stock.lua)
--      4 the window of this requester's claims of this author
--      5 the window of its address's claims of this author
-- ARGV 1 now, in seconds since the epoch
--      2, 3 quota per author: most claims, and the window's length in seconds
--      4, 5 quota per address, likewise
--      6 how long a claim is repeated, in seconds
--      7 how long an exposed package stays, in seconds
--      8 and on, for each claim: what is wanted (narrowing.lua), the requester, and the most packages without a slot
--
-- Returns for each claim one of
--         {'none'}: the author is unknown, or has no package that fits
--         {'limited', 'perAuthor' or 'perAddress', seconds to wait}: nothing changed
--         {'delivered', how many are left, whether the last was used (0 or 1), and for each package its row and its
--         exposure before this claim as "since:count" or ""}
--         {'failed', why}

local now = tonumber(ARGV[1])
local authorMax, authorWindow = tonumber(ARGV[2]), tonumber(ARGV[3])
local addressMax, addressWindow = tonumber(ARGV[4]), tonumber(ARGV[5])
local redeliverySeconds, retireAfterSeconds = tonumber(ARGV[6]), tonumber(ARGV[7])
local isRepeated = redeliverySeconds > 0
-- `RELEASE_SECONDS`
local keptUntil = now + math.max(redeliverySeconds, 60)

local function addTo(reply, id, exposure)
  reply[#reply + 1] = redis.call('HGET', PACKAGES, id)
  reply[#reply + 1] = exposure and exposure[1] .. ':' .. exposure[2] or ''
end

-- `redeliver`
local function redeliver(stock, requester)
  local number = redis.call('HGET', PACKAGES, 'r' .. requester)
  local delivery = number and deliveryAt(number)
  if not delivery or delivery.keptUntil <= now or delivery.deliveredAt + redeliverySeconds <= now then
    return nil
  end
  local reply = { 'delivered', redis.call('ZCARD', ORDER), 0 }
  for _, spent in ipairs(delivery.spent) do
    if header(spent[1]).expiresAt > now and #askedFor({ spent[1] }, wantsPackages) > 0 then
      addTo(reply, spent[1], spent[2] and { spent[2], spent[3] })
    end
  end
  local last = delivery.last
  if last and redis.call('ZSCORE', ORDER, last) and #askedFor({ last }, wantsPackages) > 0 then
    addTo(reply, last, stock.exposed[last])
    reply[3] = 1
    expose(stock, last, now)
  end
  if #reply == 3 then
    return nil
  end
  delivery.times = delivery.times + 1
  redis.call('HSET', PACKAGES, number, cmsgpack.pack(delivery))
  return reply
end

-- `choose`, for claims that narrow.
local function chooseAsked(maximum)
  local fresh = redis.call('ZRANGEBYSCORE', ORDER, '-inf', BELOW_EXPOSED)
  local chosen = {}
  for _, id in ipairs(askedFor(fresh, true)) do
    if #chosen < maximum then
      table.insert(chosen, id)
    end
  end
  if #chosen < #fresh then
    return chosen
  end
  local exposed = redis.call('ZRANGEBYSCORE', ORDER, FROM_EXPOSED, BELOW_SLOTS)
  for _, id in ipairs(askedFor(exposed, true)) do
    if #chosen < maximum then
      table.insert(chosen, id)
    end
  end
  return chosen
end

-- `choose`: the order is the order of preference.
local function choose(spendable, maximum)
  if narrowings then
    return chooseAsked(maximum)
  end
  local count = math.min(maximum, spendable)
  return wantsPackages and count > 0 and redis.call('ZRANGE', ORDER, 0, count - 1) or {}
end

-- `deliveryOf`
local function remember(stock, requester, spent, last)
  local delivery = {
    requester = requester,
    deliveredAt = now,
    keptUntil = keptUntil,
    times = 1,
    spent = spent,
    last = isRepeated and last or nil,
  }
  local fields = { stock.next, cmsgpack.pack(delivery), 'next', stock.next + 1 }
  if not stock.oldest then
    fields[5], fields[6] = 'oldest', keptUntil
  end
  if isRepeated then
    fields[#fields + 1], fields[#fields + 2] = 'r' .. requester, stock.next
  end
  redis.call('HSET', PACKAGES, unpack(fields))
end

-- `take`
local function take(stock, requester, maximum)
  local total = redis.call('ZCARD', ORDER)
  local reply = { 'delivered', total, 0 }
  local slots = redis.call('ZRANGEBYSCORE', ORDER, FROM_SLOTS, '+inf')
  for _, id in ipairs(askedFor(slots, wantsSlots)) do
    addTo(reply, id)
  end
  if #reply > 3 then
    return reply
  end

  local spendable = total - #slots
  local chosen = choose(spendable, maximum)
  if #chosen == 0 then
    return { 'none' }
  end
  for _, id in ipairs(chosen) do
    addTo(reply, id, stock.exposed[id])
  end
  local last = #chosen == spendable and table.remove(chosen) or nil
  local spent = {}
  for index, id in ipairs(chosen) do
    local exposure = stock.exposed[id] or {}
    spent[index] = { id, exposure[1], exposure[2] }
  end
  takeOut(stock, chosen)
  if last then
    expose(stock, last, now)
    reply[3] = 1
  end
  if #spent > 0 or (last and isRepeated) then
    remember(stock, requester, spent, last)
  end
  reply[2] = total - #spent
  return reply
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
    return { 'limited', 'perAddress', addressWaits }
  end
  return requesterWaits > 0 and { 'limited', 'perAuthor', requesterWaits } or nil
end

local function claim(requesterKey, addressKey, requester, maximum)
  local stock = load()
  if not stock then
    return { 'none' }
  end
  local windows = redis.call('MGET', requesterKey, addressKey)
  local ofRequester, usedByRequester = slide(windows[1], authorWindow, now)
  local ofAddress, usedByAddress = slide(windows[2], addressWindow, now)
  local refusal = limited(ofRequester, usedByRequester, ofAddress, usedByAddress)
  if refusal then
    return refusal
  end
  record(requesterKey, ofRequester, usedByRequester, 1, authorWindow, now)
  record(addressKey, ofAddress, usedByAddress, 1, addressWindow, now)

  local due = stock.due
  local gone = unsettled(stock, retireAfterSeconds, now)
  if #gone > 0 or stock.due ~= due then
    settle(stock, gone)
  end
  forgetDeliveries(stock, now)
  return isRepeated and redeliver(stock, requester) or take(stock, requester, maximum)
end

local replies = {}
for index = 1, #KEYS / 5 do
  local key, argument = 5 * index - 4, 3 * index + 5
  PACKAGES, ORDER, KNOWN = KEYS[key], KEYS[key + 1], KEYS[key + 2]
  want(ARGV[argument])
  local isDone, reply =
    pcall(claim, KEYS[key + 3], KEYS[key + 4], ARGV[argument + 1], tonumber(ARGV[argument + 2]))
  replies[index] = isDone and reply or { 'failed', type(reply) == 'table' and reply.err or tostring(reply) }
end
return replies
