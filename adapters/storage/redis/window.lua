-- Sliding windows, as in plugin/stock/windows.ts. A window is a text: its total cost (10 digits), then for each record,
-- oldest first, its time in seconds since the epoch (11 digits) and its cost (10 digits). In a claim window, the time until
-- which it is kept comes before that (11 digits). windows.ts reads them too.

local sub = string.sub
local USED, AT, RECORD = 10, 11, 21
-- How many seconds a window is kept beyond its length, because the clocks of processes differ.
local WINDOW_SLACK = 60

-- The records that are still in a window, and their total cost.
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

-- The time of the newest record.
local function newestAt(records)
  return tonumber(sub(records, -RECORD, -RECORD + AT - 1))
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

-- The start of a claim window that is kept until then.
local function untilOf(time)
  return string.format('%011d', time)
end

-- A claim window without its start.
local function recordsOf(window)
  return window and sub(window, AT + 1)
end

-- The window with one more record; `new` is the result of `recordOf` for it.
local function recorded(records, used, at, cost, new)
  if records ~= '' and newestAt(records) >= at then
    local lastCost = tonumber(sub(records, -RECORD + AT))
    new = recordOf(newestAt(records), lastCost + cost)
    records = sub(records, 1, -RECORD - 1)
  end
  return digits[used + cost] .. records .. new
end
