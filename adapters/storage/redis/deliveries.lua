-- deliveries.ts: all deliveries of an author at once, for the few who change them.

-- All deliveries, oldest first.
local function deliveries(stock, now)
  local kept = {}
  for number = stock.first, stock.next - 1 do
    local delivery = deliveryAt(deliveryName(number))
    if delivery and delivery.keptUntil > now then
      table.insert(kept, delivery)
    end
  end
  return kept
end

-- Writes all deliveries after some were changed; one that says nothing any more goes (`isWorthKeeping`).
local function saveDeliveries(stock, all)
  local newest = {}
  for _, delivery in ipairs(all) do
    if #delivery.spent > 0 or delivery.last ~= '' then
      saveDelivery(stock, delivery)
      newest[delivery.requester] = delivery.name
    else
      erase(stock, delivery.name)
      newest[delivery.requester] = newest[delivery.requester] or false
    end
  end
  newest[''] = nil
  for requester, name in pairs(newest) do
    if name then
      write(stock, 'r' .. requester, name)
    else
      erase(stock, 'r' .. requester)
    end
  end
end
