-- Compare and set: runs the writes if a hash still has the expected version, otherwise runs the reads again. Node decides
-- what they are (commits.ts).
--
-- KEYS 1 the hash, with its version in the field `version`
--      2 and on: other keys that the commands use
-- ARGV 1 the expected version; '' if there was no hash. No hash has the version '?', so a call with it only reads
--      2 how many arguments belong to the reads
--      3 and on: the reads, then the writes. Each is the number of arguments that follow, the command, the index in KEYS of
--        its first argument, and its other arguments
--
-- Returns {1, the replies to the writes}, or {0, the replies to the reads}

local function run(from, last)
  local answers = {}
  while from <= last do
    local next = from + tonumber(ARGV[from])
    local key = KEYS[tonumber(ARGV[from + 2])]
    table.insert(answers, redis.call(ARGV[from + 1], key, unpack(ARGV, from + 3, next)))
    from = next + 1
  end
  return answers
end

local lastRead = 2 + tonumber(ARGV[2])
if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then
  return { 0, run(3, lastRead) }
end
return { 1, run(lastRead + 1, #ARGV) }
