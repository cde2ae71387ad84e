-- deliveries.ts: all visits of an author that delivered something, for the few who change them.

-- All deliveries, oldest first.
local function deliveries(stock, now)
  local kept = {}
  for number = stock.first, stock.next - 1 do
    local visit = visitAt(visitName(number))
    if isDelivery(visit) and visit.keptUntil > now then
      table.insert(kept, visit)
    end
  end
  return kept
end

-- Writes all deliveries after some were changed: of those that are none any more, only the visit is left.
local function saveDeliveries(stock, all)
  local newest = {}
  for _, visit in ipairs(all) do
    saveVisit(stock, visit)
    newest[visit.requester] = isDelivery(visit) and visit.name or newest[visit.requester] or false
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
