-- `drop` of stock.ts: deletes packages of an author. They are spent, and a claim of them can no longer be repeated or
-- undone.
--
-- KEYS 1, 2 the author's stock (layout.lua)
-- ARGV 1 now, in seconds since the epoch
--      2 what is deleted: 'id', 'slot' or 'author'
--      3 'slot' and 'author' leave alone what was created after this, in seconds since the epoch
--      4 and on: event ids, or tokens of slots (row.ts)
--
-- Returns how many packages there were, and what left the stock (stock.lua)

local now, by, createdUntil = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local isNamed = {}
for index = 4, #ARGV do
  isNamed[ARGV[index]] = true
end

local stock = load()
if not stock then
  return '0'
end

-- `isSelected`
local function isSelected(place)
  if by == 'id' then
    return isNamed[header(place).id]
  end
  return place.createdAt <= createdUntil and (by == 'author' or isNamed[header(place).slot])
end

return reply(dropAny(stock, isSelected, now), stock)
