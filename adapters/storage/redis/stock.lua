-- stock.ts and exposure.ts: one author's stock, as the scripts read and write it.
--
-- KEYS 1 packages, a hash:
--        <event id>     a row (row.ts): of each package in the stock, and of each that a delivery spent
--        due            no package in the stock expires before; there as long as the author is known
--        exposed        JSON: {event id: [since, count]} of each exposed package
--        first, next    the numbers of the oldest delivery and of the one to come
--        oldest         until when the oldest delivery is kept
--        <number>       a delivery (delivery.lua)
--        r<requester>   the number of the newest delivery to this requester that may be repeated
--      2 order, a sorted set: the ids in the stock, in the order in which claims choose them. The score is the
--        creation time plus so many bands: 0 fresh, 1 fresh with last_resort, 2 and 3 the same exposed, 4 a slot
--      3 known, a sorted set: event ids and KeyPackageRefs by the time at which they expire (I3)

local PACKAGES, ORDER, KNOWN = KEYS[1], KEYS[2], KEYS[3]
local BAND = 2 ^ 40
local EXPOSED = 2 * BAND
-- The scores where bands begin, as texts: Redis takes longer to write a number than to find what has it.
local FROM_EXPOSED, FROM_SLOTS = '2199023255552', '4398046511104'
local BELOW_EXPOSED, BELOW_SLOTS = '(2199023255552', '(4398046511104'
local NEVER = 2 ^ 53
-- How much longer than its packages an author is kept, in seconds: `now` is not the server's clock.
local SLACK = 3600

-- What is known of the author beside the packages; nil of one the store has never heard of.
local function load()
  local due, exposed, first, nextNumber, oldest =
    unpack(redis.call('HMGET', PACKAGES, 'due', 'exposed', 'first', 'next', 'oldest'))
  if not due then
    return nil
  end
  return {
    due = tonumber(due),
    exposed = exposed and cjson.decode(exposed) or {},
    first = tonumber(first or 1),
    next = tonumber(nextNumber or 1),
    oldest = oldest and tonumber(oldest),
  }
end

-- What the rules go by of a row; `tags` are its tokens, each after a space.
local function headerOf(row)
  local _, _, id, expiresAt, lastResort, createdAt, kind, ref, slot, tags =
    string.find(row, '^(%x+) (%d+) ([01]) (%d+) (%d+) (%x+) (%S+)([^\n]*)')
  return {
    id = id,
    expiresAt = tonumber(expiresAt),
    lastResort = tonumber(lastResort),
    createdAt = tonumber(createdAt),
    kind = tonumber(kind),
    ref = ref,
    slot = slot,
    tags = tags,
  }
end

local function header(id)
  return headerOf(redis.call('HGET', PACKAGES, id))
end

local function saveExposed(stock)
  if next(stock.exposed) then
    redis.call('HSET', PACKAGES, 'exposed', cjson.encode(stock.exposed))
  else
    redis.call('HDEL', PACKAGES, 'exposed')
  end
end

-- Counts one delivery of a last package.
local function expose(stock, id, now)
  local exposure = stock.exposed[id]
  if exposure then
    exposure[2] = exposure[2] + 1
  else
    stock.exposed[id] = { now, 1 }
    redis.call('ZINCRBY', ORDER, EXPOSED, id)
  end
  saveExposed(stock)
end

-- Takes packages out of the stock. Their ids and refs stay known (I3).
local function takeOut(stock, ids)
  if #ids == 0 then
    return
  end
  redis.call('ZREM', ORDER, unpack(ids))
  if next(stock.exposed) then
    for _, id in ipairs(ids) do
      stock.exposed[id] = nil
    end
    saveExposed(stock)
  end
end

-- The same for packages that nothing needs any more.
local function remove(stock, ids)
  takeOut(stock, ids)
  if #ids > 0 then
    redis.call('HDEL', PACKAGES, unpack(ids))
  end
end

-- `expire`: the ids in the stock that have expired. Writes nothing but when to look again.
local function expired(stock, now)
  local gone = {}
  if now < stock.due then
    return gone
  end
  stock.due = NEVER
  for _, id in ipairs(redis.call('ZRANGE', ORDER, 0, -1)) do
    local expiresAt = tonumber(redis.call('ZSCORE', KNOWN, id) or 0)
    if expiresAt <= now then
      table.insert(gone, id)
    else
      stock.due = math.min(stock.due, expiresAt)
    end
  end
  return gone
end

-- `canRetire`: whether two packages are fresh besides those in `gone`.
local function canRetire(gone)
  local fresh = redis.call('ZCOUNT', ORDER, '-inf', BELOW_EXPOSED)
  for _, id in ipairs(gone) do
    if tonumber(redis.call('ZSCORE', ORDER, id)) < EXPOSED then
      fresh = fresh - 1
    end
  end
  return fresh >= 2
end

-- `settle`: the ids in the stock that expired or may retire. Writes nothing.
local function unsettled(stock, retireAfterSeconds, now)
  local gone = expired(stock, now)
  if next(stock.exposed) and canRetire(gone) then
    local isGone = {}
    for _, id in ipairs(gone) do
      isGone[id] = true
    end
    for id, exposure in pairs(stock.exposed) do
      if not isGone[id] and exposure[1] + retireAfterSeconds <= now then
        table.insert(gone, id)
      end
    end
  end
  return gone
end

-- Takes out what `expired` or `unsettled` found.
local function settle(stock, gone)
  remove(stock, gone)
  redis.call('HSET', PACKAGES, 'due', stock.due)
end

-- Lets the keys expire when nothing of the author matters any more, never earlier than they would have.
local function keepFor(seconds, keys)
  for _, key in ipairs(keys) do
    if redis.call('TTL', key) < seconds + SLACK then
      redis.call('EXPIRE', key, seconds + SLACK)
    end
  end
end
