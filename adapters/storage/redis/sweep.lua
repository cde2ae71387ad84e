-- `settle` of stock.ts and `dueAt` of keeping.ts: removes what expired, what may retire, and what need not
-- be known any more.
--
-- KEYS 1, 2 the author's stock (layout.lua)
-- ARGV 1 now, in seconds since the epoch
--      2 how long an exposed package stays, in seconds
--
-- Returns how many packages went and when there will next be something to do in seconds since the epoch, or nothing
-- where nothing is left of the author; and what left the stock (stock.lua)

local now, retireAfterSeconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local stock = loadOrMake()
settle(stock, retireAfterSeconds, now)
forgetVisits(stock, now)
call('ZREMRANGEBYSCORE', KNOWN, '-inf', now)

-- Everything in the stock is known until it expires.
local soonest = call('ZRANGE', KNOWN, 0, 0, 'WITHSCORES')[2]
local dueAt = math.min(tonumber(soonest or NEVER), stock.oldestUntil)
local isForgotten = dueAt == NEVER
dueAt = math.min(dueAt, stock.visitsUntil)
if canRetire(stock) then
  for _, place in ipairs(placesWhere(stock, isExposed)) do
    dueAt = math.min(dueAt, place.since + retireAfterSeconds)
  end
end

if dueAt == NEVER then
  call('UNLINK', STOCK)
  return reply(#stock.removed .. ' ', stock)
end
if isForgotten then
  savePast(stock)
else
  save(stock)
end
return reply(string.format('%d %.0f', #stock.removed, dueAt), stock)
