-- stock.ts: claims that were answered, and can be repeated or undone. A delivery is kept in the packages hash under
-- its number, as MessagePack of {requester, deliveredAt, keptUntil, times, spent, last}; `spent` lists
-- {event id, since, count}, of which the last two are there where the package was exposed before.

-- `RELEASE_SECONDS`
local RELEASE_SECONDS = 60

local function deliveryAt(number)
  local packed = redis.call('HGET', PACKAGES, number)
  return packed and cmsgpack.unpack(packed)
end

-- The newest delivery to a requester, as long as it is kept, and its number.
local function newestTo(requester, now)
  local number = redis.call('HGET', PACKAGES, 'r' .. requester)
  local delivery = number and deliveryAt(number)
  if delivery and delivery.keptUntil > now then
    return delivery, number
  end
end

-- Everything that goes with a delivery: its number, the rows of what it spent, and where its requester finds it.
local function fieldsOf(number, delivery)
  local fields = { number }
  for _, spent in ipairs(delivery.spent) do
    if not redis.call('ZSCORE', ORDER, spent[1]) then
      table.insert(fields, spent[1])
    end
  end
  local index = 'r' .. delivery.requester
  if redis.call('HGET', PACKAGES, index) == tostring(number) then
    table.insert(fields, index)
  end
  return fields
end

-- `expire`: forgets the deliveries that are too old to be repeated or undone, oldest first.
local function forgetDeliveries(stock, now)
  if not stock.oldest or stock.oldest > now then
    return
  end
  stock.oldest = nil
  while stock.first < stock.next do
    local delivery = deliveryAt(stock.first)
    if delivery and delivery.keptUntil > now then
      stock.oldest = delivery.keptUntil
      break
    end
    if delivery then
      redis.call('HDEL', PACKAGES, unpack(fieldsOf(stock.first, delivery)))
    end
    stock.first = stock.first + 1
  end
  redis.call('HSET', PACKAGES, 'first', stock.first)
  if stock.oldest then
    redis.call('HSET', PACKAGES, 'oldest', stock.oldest)
  else
    redis.call('HDEL', PACKAGES, 'oldest')
  end
end

-- `deliveryOf`: remembers an answered claim.
local function remember(stock, delivery, mayBeRepeated)
  local fields = { stock.next, cmsgpack.pack(delivery), 'next', stock.next + 1 }
  if not stock.oldest then
    table.insert(fields, 'oldest')
    table.insert(fields, delivery.keptUntil)
  end
  if mayBeRepeated then
    table.insert(fields, 'r' .. delivery.requester)
    table.insert(fields, stock.next)
  end
  redis.call('HSET', PACKAGES, unpack(fields))
end

-- All deliveries, oldest first, each with its number.
local function deliveries(stock, now)
  local kept = {}
  for number = stock.first, stock.next - 1 do
    local delivery = deliveryAt(number)
    if delivery and delivery.keptUntil > now then
      delivery.number = number
      table.insert(kept, delivery)
    end
  end
  return kept
end

-- Writes all deliveries after some were changed; one that says nothing any more goes (`isWorthKeeping`).
local function saveDeliveries(all)
  local newest = {}
  for _, delivery in ipairs(all) do
    local number = delivery.number
    delivery.number = nil
    if #delivery.spent > 0 or delivery.last then
      redis.call('HSET', PACKAGES, number, cmsgpack.pack(delivery))
      newest[delivery.requester] = number
    else
      redis.call('HDEL', PACKAGES, number)
      newest[delivery.requester] = newest[delivery.requester] or false
    end
  end
  for requester, number in pairs(newest) do
    if number then
      redis.call('HSET', PACKAGES, 'r' .. requester, number)
    else
      redis.call('HDEL', PACKAGES, 'r' .. requester)
    end
  end
end
