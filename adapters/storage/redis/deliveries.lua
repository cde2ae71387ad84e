-- deliveries.ts: all deliveries of an author at once, for the few who change them.

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
