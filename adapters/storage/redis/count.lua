-- `expire` of stock.ts, without writing: how many packages an author has.
--
-- KEYS 1 to 3 the author's stock (stock.lua)
-- ARGV 1 now, in seconds since the epoch
--
-- Returns how many

local stock = load()
if not stock then
  return 0
end
return redis.call('ZCARD', ORDER) - #expired(stock, tonumber(ARGV[1]))
