-- `release` of stock.ts and `undo` of deliveries.ts: undoes the newest claim of each package. One that was spent is
-- in the stock again as it was before.
--
-- KEYS 1, 2 the author's stock (layout.lua)
-- ARGV 1 now, in seconds since the epoch
--      2 and on: event ids
--
-- Returns what left the stock, after an empty line (stock.lua)

local now = tonumber(ARGV[1])
local stock = load()
if not stock then
  return ''
end
expire(stock, now)
local all = deliveries(stock, now)
local isNamed = {}
for index = 2, #ARGV do
  isNamed[ARGV[index]] = true
end

-- `lessExposed`
for _, place in ipairs(stock.places) do
  if isExposed(place) and isNamed[header(place).id] then
    place.count = place.count - 1
    if place.count == 0 then
      place.band, place.since = place.band - EXPOSED, 0
    end
  end
end
table.sort(stock.places, precedes)

-- `hasDelivered`
local function hasDelivered(delivery, id)
  if delivery.last == id then
    return true
  end
  for _, spent in ipairs(delivery.spent) do
    if header(spent).id == id then
      return true
    end
  end
  return false
end

local isUndone = {}
for id in pairs(isNamed) do
  for index = #all, 1, -1 do
    if hasDelivered(all[index], id) then
      isUndone[all[index]] = true
      break
    end
  end
end

-- A spent package is in the stock again.
local function restore(spent)
  if spent.expiresAt <= now then
    erase(stock, spent.row)
    return
  end
  stock.due = math.min(stock.due, spent.expiresAt)
  insert(stock.places, spent)
end

local function isWhole(delivery)
  for _, spent in ipairs(delivery.spent) do
    if not isNamed[header(spent).id] then
      return false
    end
  end
  return true
end

-- `lessDelivered`
for delivery in pairs(isUndone) do
  if delivery.times > 1 then
    delivery.times = delivery.times - (isWhole(delivery) and 1 or 0)
  else
    local left = {}
    for _, spent in ipairs(delivery.spent) do
      if isNamed[header(spent).id] then
        restore(spent)
      else
        table.insert(left, spent)
      end
    end
    delivery.spent = left
    if isNamed[delivery.last] then
      delivery.last = ''
    end
  end
end

saveDeliveries(stock, all)
save(stock)
return reply('', stock)
