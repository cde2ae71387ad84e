-- claim-windows.ts: who claimed from an author of late, as fields of the stock. A claim that was counted is a visit: it
-- is kept until it has fallen out of both its windows, and tells then which of them nobody else has written to since.

local function visitName(number)
  return 'v' .. packBytes(NUMBER, number)
end

local function addVisit(stock, visit, untilThen)
  write(stock, visitName(stock.nextVisit), visit.packed)
  write(stock, visit.requesterWindow, visit.ofRequester)
  write(stock, visit.addressWindow, visit.ofAddress)
  stock.nextVisit = stock.nextVisit + 1
  stock.visitsUntil = math.min(stock.visitsUntil, untilThen)
end

local function eraseUnlessNewer(stock, field, at)
  local window = call('HGET', STOCK, field)
  if window and unpackBytes(RECORD, window, #window - RECORD_LENGTH + 1) <= at then
    erase(stock, field)
  end
end

-- Forgets visits whose windows are over, oldest first.
local function forgetVisits(stock, now)
  if stock.visitsUntil > now then
    return
  end
  for _ = stock.firstVisit, math.min(stock.nextVisit, stock.firstVisit + MOST_FORGOTTEN) - 1 do
    local name = visitName(stock.firstVisit)
    local packed = call('HGET', STOCK, name)
    local overAt, at = unpackBytes(VISIT, packed)
    if overAt > now then
      stock.visitsUntil = overAt
      return
    end
    local newline = string.find(packed, '\n', VISIT_LENGTH + 1, true)
    eraseUnlessNewer(stock, sub(packed, VISIT_LENGTH + 1, newline - 1), at)
    eraseUnlessNewer(stock, sub(packed, newline + 1), at)
    erase(stock, name)
    stock.firstVisit = stock.firstVisit + 1
  end
  if stock.firstVisit == stock.nextVisit then
    stock.visitsUntil = NEVER
  end
end
