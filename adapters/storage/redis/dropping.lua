-- `withoutAny` of stock.ts and `forget` of deliveries.ts: takes packages out for good, so that a claim of them can no
-- longer be repeated or undone.

-- Returns how many were in the stock. `isGone` is asked about event ids.
local function dropAny(stock, isGone, now)
  settle(stock, expired(stock, now))
  local dropped = {}
  for _, id in ipairs(redis.call('ZRANGE', ORDER, 0, -1)) do
    if isGone(id) then
      table.insert(dropped, id)
    end
  end
  remove(stock, dropped)

  local all = deliveries(stock, now)
  for _, delivery in ipairs(all) do
    local left = {}
    for _, spent in ipairs(delivery.spent) do
      if isGone(spent[1]) then
        redis.call('HDEL', PACKAGES, spent[1])
      else
        table.insert(left, spent)
      end
    end
    delivery.spent = left
  end
  saveDeliveries(all)
  return #dropped
end
