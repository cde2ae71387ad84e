-- Sliding windows, as plugin/stock/windows.ts says. One is kept as a text: how much is in it (10 digits), then for each
-- record, oldest first, its time in seconds since the epoch (11 digits) and its cost (10 digits). windows.ts reads it too.

local sub = string.sub
local USED, AT, RECORD = 10, 11, 21
-- How much longer than its length a window is kept, in seconds: the clocks of processes differ.
local WINDOW_SLACK = 60

-- The records that have not fallen out of a window, and how much is in them.
local function slide(kept, windowSeconds, now)
  if not kept then
    return '', 0
  end
  local used, from = tonumber(sub(kept, 1, USED)), USED + 1
  while from < #kept and tonumber(sub(kept, from, from + AT - 1)) <= now - windowSeconds do
    used = used - tonumber(sub(kept, from + AT, from + RECORD - 1))
    from = from + RECORD
  end
  return sub(kept, from), used
end

-- When the newest of the records was made.
local function newestAt(records)
  return tonumber(sub(records, -RECORD, -RECORD + AT - 1))
end

local function recordOf(at, cost)
  return string.format('%011d%010d', at, cost)
end

-- The same few numbers again and again.
local digits = setmetatable({}, {
  __index = function(known, used)
    known[used] = string.format('%010d', used)
    return known[used]
  end,
})

-- The window with one more record in it; `new` is what `recordOf` makes of it.
local function recorded(records, used, at, cost, new)
  if records ~= '' and newestAt(records) >= at then
    local lastCost = tonumber(sub(records, -RECORD + AT))
    new = recordOf(newestAt(records), lastCost + cost)
    records = sub(records, 1, -RECORD - 1)
  end
  return digits[used + cost] .. records .. new
end
