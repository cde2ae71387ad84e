-- How an author's stock lies in Redis, for every script that reads or writes it.
--
-- KEYS 1 stock, a hash:
--        order          a head, which says when to look again and what numbers are in use; then a place for each package
--                       in the stock, in the order in which claims choose them (places.lua). It is there as long as the
--                       author is known
--        past           the head, while there are only windows left of the author
--        <number>       a row (row.ts): of each package in the stock, and of each that a delivery spent
--        v<number>      a visit: a claim that was counted, and what it delivered (visits.lua)
--        q<requester>   the window of this requester's claims (window.lua)
--        a<address>     the window of the claims from this address
--        r<requester>   the name of the newest visit of this requester, where what it delivered may be repeated
--      Numbers are four bytes, big-endian.
--      2 known, a sorted set: event ids and KeyPackageRefs by the time at which they expire (I3)
--
-- claim.lua, whose KEYS are the stocks of several authors, sets STOCK to one after the other, and has no use for KNOWN.

local STOCK, KNOWN = KEYS[1], KEYS[2]
local NUMBER = '>I4'
local NEVER = 2 ^ 53

-- First what most claims change: the number of the visit to come; until when the oldest delivery is kept; and when the
-- oldest visit falls out of its windows. Then what they do not: when no package in the stock expires before; until when
-- the key is kept; the number of the oldest visit whose delivery is kept, and of the oldest that is in its windows; and of
-- the next row.
local HEAD, HEAD_LENGTH = '>I4I7I7I7I7I4I4I4', 44
local CHANGING, CHANGING_LENGTH = '>I4I7I7', 18

-- A place: its band, created_at, the name of its row, its expiry, and since when and how often it was delivered as a last
-- package. The bands: 0 fresh, 1 fresh with last_resort, 2 and 3 the same exposed, 4 a slot.
local PLACE, PLACE_LENGTH = '>I1I5c4I7I5I4', 26
local ROW_FROM, ROW_TO = 7, 10
local EXPOSED, SLOT = 2, 4

-- A visit: when it falls out of its windows; when it was; until when what it delivered can be repeated or undone, how
-- often that was sent, how many packages it spent, and how long an id follows. Then the places of those it spent, the id
-- of the last package where that may be repeated; the names of its windows, each with a newline after it; and the
-- requester, where any of it may be repeated. Of a visit that delivered nothing to repeat or undo, instead of how often
-- that was sent: the number of one before it, where between the two there is no other that did.
local VISIT, VISIT_LENGTH = '>I7I5I7I4I2I1', 26
