-- `release` of stock.ts and `undo` of deliveries.ts: undoes the newest claim of each package. One that was spent is
-- in the stock again as it was before.
--
-- KEYS 1 to 3 the author's stock (stock.lua)
-- ARGV 1 now, in seconds since the epoch
--      2 and on: event ids
--
-- Returns nothing

local now = tonumber(ARGV[1])
local stock = load()
if not stock then
  return
end
settle(stock, expired(stock, now))
local all = deliveries(stock, now)
local ids, isNamed = {}, {}
for index = 2, #ARGV do
  table.insert(ids, ARGV[index])
  isNamed[ARGV[index]] = true
end

-- `lessExposed`
for _, id in ipairs(ids) do
  local exposure = stock.exposed[id]
  if exposure and exposure[2] > 1 then
    exposure[2] = exposure[2] - 1
  elseif exposure then
    stock.exposed[id] = nil
    redis.call('ZINCRBY', ORDER, -EXPOSED, id)
  end
end

-- `hasDelivered`
local function hasDelivered(delivery, id)
  if delivery.last == id then
    return true
  end
  for _, spent in ipairs(delivery.spent) do
    if spent[1] == id then
      return true
    end
  end
  return false
end

local isUndone = {}
for _, id in ipairs(ids) do
  for index = #all, 1, -1 do
    if hasDelivered(all[index], id) then
      isUndone[all[index]] = true
      break
    end
  end
end

-- A spent package is in the stock again.
local function restore(spent)
  local pkg = header(spent[1])
  if pkg.expiresAt <= now then
    redis.call('HDEL', PACKAGES, pkg.id)
    return
  end
  local band = pkg.lastResort
  if spent[2] then
    stock.exposed[pkg.id] = { spent[2], spent[3] }
    band = band + 2
  end
  stock.due = math.min(stock.due, pkg.expiresAt)
  redis.call('ZADD', ORDER, band * BAND + pkg.createdAt, pkg.id)
end

-- `lessDelivered`
for delivery in pairs(isUndone) do
  if delivery.times > 1 then
    delivery.times = delivery.times - 1
  else
    local left = {}
    for _, spent in ipairs(delivery.spent) do
      if isNamed[spent[1]] then
        restore(spent)
      else
        table.insert(left, spent)
      end
    end
    delivery.spent = left
    if delivery.last and isNamed[delivery.last] then
      delivery.last = nil
    end
  end
end

saveDeliveries(all)
saveExposed(stock)
redis.call('HSET', PACKAGES, 'due', stock.due)
-- The order may have been empty, and so gone.
keepFor(redis.call('TTL', PACKAGES) - SLACK, { ORDER })
