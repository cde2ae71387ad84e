-- window.ts: sliding windows. One is kept as a string: how much is in it (4 bytes), then for each record, oldest
-- first, its time in seconds since the epoch (5 bytes) and its cost (4 bytes).

local RECORD, RECORD_LENGTH = '>I5I4', 9
-- How much longer than its length a window is kept, in seconds: clocks of processes differ.
local WINDOW_SLACK = 60

-- `slide`: the records that have not fallen out of a window, and how much is in them.
local function slide(kept, windowSeconds, now)
  if not kept then
    return '', 0
  end
  local used, from = struct.unpack('>I4', kept)
  while from <= #kept do
    local at, cost = struct.unpack(RECORD, kept, from)
    if at > now - windowSeconds then
      break
    end
    used = used - cost
    from = from + RECORD_LENGTH
  end
  return string.sub(kept, from), used
end

-- `secondsUntilRoom`, for a window that was slid to `now`.
local function secondsUntilRoom(records, used, max, windowSeconds, now)
  for from = 1, #records, RECORD_LENGTH do
    local at, cost = struct.unpack(RECORD, records, from)
    used = used - cost
    if used < max then
      return math.max(1, at + windowSeconds - now)
    end
  end
  return windowSeconds
end

-- `record`: the window with `cost` more in it.
local function recorded(records, used, cost, now)
  local earlier = records
  local at, last = now, cost
  if records ~= '' then
    local lastAt, lastCost = struct.unpack(RECORD, records, #records - RECORD_LENGTH + 1)
    if lastAt >= now then
      earlier = string.sub(records, 1, -RECORD_LENGTH - 1)
      at, last = lastAt, lastCost + cost
    end
  end
  return struct.pack('>I4', used + cost) .. earlier .. struct.pack(RECORD, at, last)
end

-- The same, in a key of its own.
local function record(key, records, used, cost, windowSeconds, now)
  redis.call('SET', key, recorded(records, used, cost, now), 'EX', windowSeconds + WINDOW_SLACK)
end
