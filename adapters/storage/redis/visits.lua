-- claim-windows.ts: who claimed from an author of late, as fields of the stock. A claim that was counted is a visit: it
-- is kept until it has fallen out of both its windows, and tells then which of them nobody else has written to since.

-- When its windows are over, when it was, and how long the requester's name is; then the requester and the address.
local VISIT, VISIT_LENGTH = '>I7I5I2', 14

local function packVisit(now, windowSeconds, requester, address)
  return struct.pack(VISIT, now + windowSeconds, now, #requester) .. requester .. address
end

-- `visit`: what `packVisit` made, then the fields of both windows and what they are now.
local function addVisit(stock, visit, untilThen)
  write(stock, 'v' .. stock.nextVisit, visit[1])
  for index = 2, #visit, 2 do
    write(stock, visit[index], visit[index + 1])
  end
  stock.nextVisit = stock.nextVisit + 1
  stock.visitsUntil = math.min(stock.visitsUntil, untilThen)
end

local function eraseUnlessNewer(stock, field, at)
  local window = redis.call('HGET', STOCK, field)
  if window and struct.unpack(RECORD, window, #window - RECORD_LENGTH + 1) <= at then
    erase(stock, field)
  end
end

-- Forgets visits whose windows are over, oldest first.
local function forgetVisits(stock, now)
  if stock.visitsUntil > now then
    return
  end
  for _ = stock.firstVisit, math.min(stock.nextVisit, stock.firstVisit + MOST_FORGOTTEN) - 1 do
    local packed = redis.call('HGET', STOCK, 'v' .. stock.firstVisit)
    local overAt, at, length = struct.unpack(VISIT, packed)
    if overAt > now then
      stock.visitsUntil = overAt
      return
    end
    eraseUnlessNewer(stock, 'q' .. string.sub(packed, VISIT_LENGTH + 1, VISIT_LENGTH + length), at)
    eraseUnlessNewer(stock, 'a' .. string.sub(packed, VISIT_LENGTH + length + 1), at)
    erase(stock, 'v' .. stock.firstVisit)
    stock.firstVisit = stock.firstVisit + 1
  end
  if stock.firstVisit == stock.nextVisit then
    stock.visitsUntil = NEVER
  end
end
