-- Sliding windows, as in plugin/stock/windows.ts. A window is a text: its total cost (10 digits), then for each record,
-- oldest first, its time in seconds since the epoch (11 digits) and its cost (10 digits). In a claim window, the time until
-- which it is kept comes before that (11 digits). windows.ts reads them too.

-- In hot code a text becomes a number by `+ 0`, which is twice as fast as `tonumber`.
local sub = string.sub
local USED, AT, RECORD = 10, 11, 21
-- How many seconds a window is kept beyond its length, because the clocks of processes differ.
local WINDOW_SLACK = 60

-- The records that are still in a window, and their total cost. `start` is how much comes before the window in its text.
local function slide(kept, windowSeconds, now, start)
  if not kept then
    return '', 0
  end
  start = start or 0
  local used, from = sub(kept, start + 1, start + USED) + 0, start + USED + 1
  while from < #kept and sub(kept, from, from + AT - 1) + 0 <= now - windowSeconds do
    used = used - sub(kept, from + AT, from + RECORD - 1)
    from = from + RECORD
  end
  return sub(kept, from), used
end

-- The time of the newest record.
local function newestAt(records)
  return sub(records, -RECORD, -RECORD + AT - 1) + 0
end

local function recordOf(at, cost)
  return string.format('%011d%010d', at, cost)
end

-- Caches formatted numbers, because the same few occur again and again.
local digits = setmetatable({}, {
  __index = function(known, used)
    known[used] = string.format('%010d', used)
    return known[used]
  end,
})

-- The window with one more record; `new` is the result of `recordOf` for it.
local function recorded(records, used, at, cost, new)
  if records ~= '' and newestAt(records) >= at then
    local lastCost = tonumber(sub(records, -RECORD + AT))
    new = recordOf(newestAt(records), lastCost + cost)
    records = sub(records, 1, -RECORD - 1)
  end
  return digits[used + cost] .. records .. new
end
