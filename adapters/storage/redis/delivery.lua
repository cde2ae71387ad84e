-- deliveries.ts: claims that were answered, and can be repeated or undone, as layout.lua has them.

local function deliveryName(number)
  return 'd' .. packBytes(NUMBER, number)
end

local function deliveryOf(name, packed)
  local deliveredAt, keptUntil, times, count, idLength = unpackBytes(DELIVERY, packed)
  local afterSpent = DELIVERY_LENGTH + count * PLACE_LENGTH
  local afterLast = afterSpent + idLength
  return {
    name = name,
    deliveredAt = deliveredAt,
    keptUntil = keptUntil,
    times = times,
    spent = placesOf(sub(packed, DELIVERY_LENGTH + 1, afterSpent), 1),
    last = sub(packed, afterSpent + 1, afterLast),
    requester = sub(packed, afterLast + 1),
  }
end

-- nil where it was undone.
local function deliveryAt(name)
  local packed = call('HGET', STOCK, name)
  return packed and deliveryOf(name, packed)
end

local function packDelivery(deliveredAt, keptUntil, times, spent, last, requester)
  local head = packBytes(DELIVERY, deliveredAt, keptUntil, times, #spent / PLACE_LENGTH, #last)
  return head .. spent .. last .. requester
end

local function saveDelivery(stock, delivery)
  local spent = orderOf(delivery.spent)
  local packed = packDelivery(
    delivery.deliveredAt,
    delivery.keptUntil,
    delivery.times,
    spent,
    delivery.last,
    delivery.requester
  )
  write(stock, delivery.name, packed)
end

-- Everything that goes with a delivery: the rows of what it spent, and where its requester finds it.
local function forget(stock, delivery)
  erase(stock, delivery.name)
  for _, spent in ipairs(delivery.spent) do
    erase(stock, spent.row)
  end
  local index = 'r' .. delivery.requester
  if delivery.requester ~= '' and call('HGET', STOCK, index) == delivery.name then
    erase(stock, index)
  end
end

-- `expire`, of deliveries: forgets those that are too old to be repeated or undone, oldest first.
local function forgetDeliveries(stock, now)
  if stock.oldestUntil > now then
    return
  end
  for _ = stock.first, math.min(stock.next, stock.first + MOST_FORGOTTEN) - 1 do
    local delivery = deliveryAt(deliveryName(stock.first))
    if delivery and delivery.keptUntil > now then
      stock.oldestUntil = delivery.keptUntil
      return
    end
    if delivery then
      forget(stock, delivery)
    end
    stock.first = stock.first + 1
  end
  if stock.first == stock.next then
    stock.oldestUntil = NEVER
  end
end
