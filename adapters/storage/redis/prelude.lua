-- Names for what the scripts call often: Lua looks a global up anew each time.

local call, sub = redis.call, string.sub
local packBytes, unpackBytes = struct.pack, struct.unpack
