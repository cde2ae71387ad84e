-- `settle` and `dueAt` of stock.ts: removes what expired, what may retire, and what need not be known any more.
--
-- KEYS 1 to 3 the author's stock (stock.lua)
-- ARGV 1 now, in seconds since the epoch
--      2 how long an exposed package stays, in seconds
--
-- Returns {how many packages went, when there will next be something to do in seconds since the epoch, or ''
-- where nothing is left of the author}

local now, retireAfterSeconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local stock = load()
if not stock then
  return { 0, '' }
end
local gone = unsettled(stock, retireAfterSeconds, now)
settle(stock, gone)
forgetDeliveries(stock, now)
redis.call('ZREMRANGEBYSCORE', KNOWN, '-inf', now)

-- Everything in the stock is known until it expires.
local soonest = redis.call('ZRANGE', KNOWN, 0, 0, 'WITHSCORES')[2]
local dueAt = math.min(tonumber(soonest or NEVER), stock.oldest or NEVER)
if dueAt == NEVER then
  redis.call('DEL', PACKAGES)
  return { #gone, '' }
end
if next(stock.exposed) and canRetire({}) then
  for _, exposure in pairs(stock.exposed) do
    dueAt = math.min(dueAt, exposure[1] + retireAfterSeconds)
  end
end
return { #gone, tostring(dueAt) }
