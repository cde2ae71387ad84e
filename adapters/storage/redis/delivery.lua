-- deliveries.ts: claims that were answered, and can be repeated or undone. A delivery is kept in the stock under its
-- number: when it was made, until when it is kept, how often it was sent, how many packages it spent, and how long an id
-- follows; then the places of those it spent, the id of the last package that it delivered, and the requester. The
-- latter two are there where it may be repeated.

local DELIVERY, DELIVERY_LENGTH = '>I7I7I4I2I1', 21

local function deliveryOf(number, packed)
  local deliveredAt, keptUntil, times, count, idLength = struct.unpack(DELIVERY, packed)
  local afterSpent = DELIVERY_LENGTH + count * PLACE_LENGTH
  local afterLast = afterSpent + idLength
  return {
    number = number,
    deliveredAt = deliveredAt,
    keptUntil = keptUntil,
    times = times,
    spent = placesOf(string.sub(packed, DELIVERY_LENGTH + 1, afterSpent)),
    last = string.sub(packed, afterSpent + 1, afterLast),
    requester = string.sub(packed, afterLast + 1),
  }
end

-- nil where it was undone.
local function deliveryAt(number)
  local packed = redis.call('HGET', STOCK, 'd' .. number)
  return packed and deliveryOf(number, packed)
end

local function packDelivery(deliveredAt, keptUntil, times, spent, last, requester)
  local head = struct.pack(DELIVERY, deliveredAt, keptUntil, times, #spent / PLACE_LENGTH, #last)
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
  write(stock, 'd' .. delivery.number, packed)
end

-- Everything that goes with a delivery: the rows of what it spent, and where its requester finds it.
local function forget(stock, delivery)
  erase(stock, 'd' .. delivery.number)
  for _, spent in ipairs(delivery.spent) do
    erase(stock, spent.number)
  end
  local index = 'r' .. delivery.requester
  if delivery.requester ~= '' and tonumber(redis.call('HGET', STOCK, index)) == delivery.number then
    erase(stock, index)
  end
end

-- `expire`, of deliveries: forgets those that are too old to be repeated or undone, oldest first.
local function forgetDeliveries(stock, now)
  if stock.oldestUntil > now then
    return
  end
  for _ = stock.first, math.min(stock.next, stock.first + MOST_FORGOTTEN) - 1 do
    local delivery = deliveryAt(stock.first)
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
