-- `drop` of stock.ts: deletes packages of an author. They are spent, and a claim of them can no longer be repeated or
-- undone.
--
-- KEYS 1 to 3 the author's stock (stock.lua)
-- ARGV 1 now, in seconds since the epoch
--      2 what is deleted: 'id', 'slot' or 'author'
--      3 'slot' and 'author' leave alone what was created after this, in seconds since the epoch
--      4 and on: event ids, or tokens of slots (row.ts)
--
-- Returns how many packages there were

local now, by, createdUntil = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local isNamed = {}
for index = 4, #ARGV do
  isNamed[ARGV[index]] = true
end

local stock = load()
if not stock then
  return 0
end

-- `isSelected`
local function isSelected(id)
  if by == 'id' then
    return isNamed[id]
  end
  local pkg = header(id)
  return pkg.createdAt <= createdUntil and (by == 'author' or isNamed[pkg.slot])
end

return dropAny(stock, isSelected, now)
