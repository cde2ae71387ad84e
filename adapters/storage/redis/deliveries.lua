-- deliveries.ts: all visits of an author that delivered something, for the few who change them.

-- All deliveries, oldest first. Visits that are none are passed over: of those there may be very many.
local function deliveries(stock, now)
  local newestFirst, kept = {}, {}
  local number = stock.next - 1
  while number >= stock.first do
    local visit = visitAt(visitName(number))
    if isDelivery(visit) and visit.keptUntil > now then
      table.insert(newestFirst, visit)
    end
    number = isDelivery(visit) and number - 1 or visit.times
  end
  for index = #newestFirst, 1, -1 do
    table.insert(kept, newestFirst[index])
  end
  return kept
end

-- Writes all deliveries after some were changed: of those that are none any more, only the visit is left.
local function saveDeliveries(stock, all)
  local newest = {}
  for _, visit in ipairs(all) do
    if not isDelivery(visit) then
      visit.times = unpackBytes(NUMBER, visit.name, 2) - 1
    end
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
