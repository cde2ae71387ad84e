-- `claim` of stock.ts: hands out packages of one author, step by step as DESIGN.md section 4 has it.
--
-- KEYS 1 to 3 the author's stock (stock.lua)
--      4 the window of this requester's claims of this author
--      5 the window of its address's claims of this author
-- ARGV 1 what is wanted (narrowing.lua)
--      2 the requester
--      3 most packages without a slot
--      4 now, in seconds since the epoch
--      5, 6 quota per author: most claims, and the window's length in seconds
--      7, 8 quota per address, likewise
--      9 how long a claim is repeated, in seconds
--      10 how long an exposed package stays, in seconds
--
-- Returns {'none'}: the author is unknown, or has no package that fits
--         {'limited', 'perAuthor' or 'perAddress', seconds to wait}: nothing changed
--         {'delivered', how many are left, whether the last was used (0 or 1), and for each package its row and its
--         exposure before this claim as "since:count" or ""}

local requester, maximum, now = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local authorMax, authorWindow = tonumber(ARGV[5]), tonumber(ARGV[6])
local addressMax, addressWindow = tonumber(ARGV[7]), tonumber(ARGV[8])
local redeliverySeconds, retireAfterSeconds = tonumber(ARGV[9]), tonumber(ARGV[10])

-- 1. An author the store has never heard of gets no window.
local stock = load()
if not stock then
  return { 'none' }
end

-- 2. Quota.
local windows = redis.call('MGET', KEYS[4], KEYS[5])
local ofRequester, usedByRequester = slide(windows[1], authorWindow, now)
local ofAddress, usedByAddress = slide(windows[2], addressWindow, now)
if usedByRequester >= authorMax or usedByAddress >= addressMax then
  local requesterWaits = usedByRequester >= authorMax
    and secondsUntilRoom(ofRequester, usedByRequester, authorMax, authorWindow, now)
    or 0
  local addressWaits = usedByAddress >= addressMax
    and secondsUntilRoom(ofAddress, usedByAddress, addressMax, addressWindow, now)
    or 0
  if addressWaits > requesterWaits then
    return { 'limited', 'perAddress', addressWaits }
  end
  return { 'limited', 'perAuthor', requesterWaits }
end
record(KEYS[4], ofRequester, usedByRequester, 1, authorWindow, now)
record(KEYS[5], ofAddress, usedByAddress, 1, addressWindow, now)

-- `settle`
local due = stock.due
local gone = unsettled(stock, retireAfterSeconds, now)
if #gone > 0 or stock.due ~= due then
  settle(stock, gone)
end
forgetDeliveries(stock, now)

-- `delivered`: rows and exposures are read before anything is spent or exposed.
local function delivered(ids)
  local reply = { 'delivered', 0, 0 }
  for _, id in ipairs(ids) do
    local exposure = stock.exposed[id]
    table.insert(reply, redis.call('HGET', PACKAGES, id))
    table.insert(reply, exposure and exposure[1] .. ':' .. exposure[2] or '')
  end
  return reply
end

-- 3. `redeliver`
local function redeliver()
  local delivery, number = newestTo(requester, now)
  if not delivery or delivery.deliveredAt + redeliverySeconds <= now then
    return nil
  end
  local reply = { 'delivered', redis.call('ZCARD', ORDER), 0 }
  local spent = {}
  local exposures = {}
  for _, pkg in ipairs(delivery.spent) do
    local isValid = header(pkg[1]).expiresAt > now
    if isValid then
      table.insert(spent, pkg[1])
      exposures[pkg[1]] = pkg[2] and pkg[2] .. ':' .. pkg[3]
    end
  end
  for _, id in ipairs(askedFor(spent, wantsPackages)) do
    table.insert(reply, redis.call('HGET', PACKAGES, id))
    table.insert(reply, exposures[id] or '')
  end
  local isLastThere = delivery.last and redis.call('ZSCORE', ORDER, delivery.last)
  if isLastThere and #askedFor({ delivery.last }, wantsPackages) > 0 then
    local exposure = stock.exposed[delivery.last]
    table.insert(reply, redis.call('HGET', PACKAGES, delivery.last))
    table.insert(reply, exposure and exposure[1] .. ':' .. exposure[2] or '')
    reply[3] = 1
    expose(stock, delivery.last, now)
  end
  if #reply == 3 then
    return nil
  end
  delivery.times = delivery.times + 1
  redis.call('HSET', PACKAGES, number, cmsgpack.pack(delivery))
  return reply
end

-- 4. `choose`
local function choose(spendable)
  if not narrowings then
    return wantsPackages and redis.call('ZRANGE', ORDER, 0, math.min(maximum, spendable) - 1) or {}
  end
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
  local exposed = redis.call('ZRANGEBYSCORE', ORDER, EXPOSED, BELOW_SLOTS)
  for _, id in ipairs(askedFor(exposed, true)) do
    if #chosen < maximum then
      table.insert(chosen, id)
    end
  end
  return chosen
end

-- 5. `take`
local function take()
  local total = redis.call('ZCARD', ORDER)
  local slots = redis.call('ZRANGEBYSCORE', ORDER, SLOT, '+inf')
  local askedSlots = askedFor(slots, wantsSlots)
  if #askedSlots > 0 then
    local reply = delivered(askedSlots)
    reply[2] = total
    return reply
  end
  local spendable = total - #slots
  local chosen = spendable > 0 and choose(spendable) or {}
  if #chosen == 0 then
    return { 'none' }
  end

  local reply = delivered(chosen)
  local last = #chosen == spendable and table.remove(chosen) or nil
  local spent = {}
  for index, id in ipairs(chosen) do
    local exposure = stock.exposed[id] or {}
    spent[index] = { id, exposure[1], exposure[2] }
  end
  takeOut(stock, chosen)
  if last then
    expose(stock, last, now)
  end
  local isRepeated = redeliverySeconds > 0
  if #spent > 0 or (last and isRepeated) then
    remember(stock, {
      requester = requester,
      deliveredAt = now,
      keptUntil = now + math.max(redeliverySeconds, RELEASE_SECONDS),
      times = 1,
      spent = spent,
      last = isRepeated and last or nil,
    }, isRepeated)
  end
  reply[2], reply[3] = total - #chosen, last and 1 or 0
  return reply
end

return redeliverySeconds > 0 and redeliver() or take()
