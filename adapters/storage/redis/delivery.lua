-- deliveries.ts: claims that were answered, and can be repeated or undone. A delivery is kept in the packages hash
-- under its number, as MessagePack of {requester, deliveredAt, keptUntil, times, spent, last}; `spent` lists
-- {event id, since, count}, of which the last two are there where the package was exposed before.

local function deliveryAt(number)
  local packed = redis.call('HGET', PACKAGES, number)
  return packed and cmsgpack.unpack(packed)
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
