-- windows.ts: sliding windows. One is kept as a string: how much is in it (4 bytes), then for each record, oldest
-- first, its time in seconds since the epoch (5 bytes) and its cost (4 bytes).

local RECORD, RECORD_LENGTH = '>I5I4', 9
-- How much longer than its length a window is kept, in seconds: clocks of processes differ.
local WINDOW_SLACK = 60

-- `slide`: the records that have not fallen out of a window, and how much is in them.
local function slide(kept, windowSeconds, now)
  if not kept then
    return '', 0
  end
  local used, at, cost, from = unpackBytes('>I4I5I4', kept)
  from = from - RECORD_LENGTH
  while at <= now - windowSeconds do
    used = used - cost
    from = from + RECORD_LENGTH
    if from > #kept then
      break
    end
    at, cost = unpackBytes(RECORD, kept, from)
  end
  return sub(kept, from), used
end

-- `secondsUntilRoom`, for a window that was slid to `now`.
local function secondsUntilRoom(records, used, max, windowSeconds, now)
  for from = 1, #records, RECORD_LENGTH do
    local at, cost = unpackBytes(RECORD, records, from)
    used = used - cost
    if used < max then
      return math.max(1, at + windowSeconds - now)
    end
  end
  return windowSeconds
end

local function recordOf(at, cost)
  return { at = at, cost = cost, packed = packBytes(RECORD, at, cost) }
end

-- `record`: the window with one more record in it.
local function recorded(records, used, new)
  local packedUsed = packBytes('>I4', used + new.cost)
  if records == '' then
    return packedUsed .. new.packed
  end
  local lastAt, lastCost = unpackBytes(RECORD, records, #records - RECORD_LENGTH + 1)
  if lastAt < new.at then
    return packedUsed .. records .. new.packed
  end
  return packedUsed .. sub(records, 1, -RECORD_LENGTH - 1) .. packBytes(RECORD, lastAt, lastCost + new.cost)
end

-- The same, in a key of its own.
local function record(key, records, used, new, windowSeconds)
  call('SET', key, recorded(records, used, new), 'EX', windowSeconds + WINDOW_SLACK)
end
