-- What holds for all claims of one call: ARGV 1 to 7 of claim.lua.

local now = tonumber(ARGV[1])
local authorMax, authorSeconds = tonumber(ARGV[2]), tonumber(ARGV[3])
local addressMax, addressSeconds = tonumber(ARGV[4]), tonumber(ARGV[5])
local redeliverySeconds, retireAfterSeconds = tonumber(ARGV[6]), tonumber(ARGV[7])
local isRepeated = redeliverySeconds > 0
-- `RELEASE_SECONDS`
local deliveryUntil = now + math.max(redeliverySeconds, 60)
local visitUntil = now + math.max(authorSeconds, addressSeconds)
-- What a claim adds to a window.
local oneClaim = recordOf(now, 1)
