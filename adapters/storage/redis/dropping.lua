-- `withoutAny` of stock.ts and `forget` of deliveries.ts: takes packages out for good, so that a claim of them can no
-- longer be repeated or undone.

-- `isGone` is asked about places. Returns how many were in the stock.
local function dropAny(stock, isGone, now)
  expire(stock, now)
  local gone = placesWhere(stock, isGone)
  remove(stock, 'deleted', gone)
  local all = deliveries(stock, now)
  for _, delivery in ipairs(all) do
    local left = {}
    for _, spent in ipairs(delivery.spent) do
      if isGone(spent) then
        erase(stock, spent.row)
      else
        table.insert(left, spent)
      end
    end
    delivery.spent = left
  end
  saveDeliveries(stock, all)
  save(stock)
  return #gone
end
