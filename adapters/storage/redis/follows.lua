-- Whether an author follows somebody. The lists stay in the server: each has up to 22 KB.
--
-- KEYS 1 the author's stock
-- ARGV 1 how many arguments are fields with lists of digests (follow-lists.ts)
--      2 and on: those fields, then the digests of the pubkeys
--
-- Returns 1 if one of the digests is in one of the lists, otherwise 0

local last = 1 + tonumber(ARGV[1])
for _, list in ipairs(redis.call('HMGET', KEYS[1], unpack(ARGV, 2, last))) do
  for index = last + 1, list and #ARGV or 0 do
    if string.find(list, ARGV[index], 1, true) then
      return 1
    end
  end
end
return 0
