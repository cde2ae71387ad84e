-- Compare and set: runs commands if a hash still has the version on which they were decided, and if not, reads again what
-- they were decided on. What that is, is Node's business (commits.ts).
--
-- KEYS 1 the hash, which has its version in the field `version`
--      2 and on: other keys that commands name
-- ARGV 1 the version; '' where there was no hash. No hash has the version '?': who gives that only reads
--      2 how many arguments are of the commands that read
--      3 and on: the commands that read, then those that change. Each is a number, of the arguments that follow; the
--        command; which of KEYS is its first argument; the others
--
-- Returns {1, what the commands answered that change}, or {0, what those answered that read}


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
