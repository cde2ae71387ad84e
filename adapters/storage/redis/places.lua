-- The packages in one author's stock, as the scripts choose among them: their places in `order` (layout.lua), as tables.

local function placesOf(order, start)
  local places = {}
  for from = start, #order, PLACE_LENGTH do
    local band, createdAt, row, expiresAt, since, count = unpackBytes(PLACE, order, from)
    table.insert(places, {
      band = band,
      createdAt = createdAt,
      row = row,
      expiresAt = expiresAt,
      since = since,
      count = count,
    })
  end
  return places
end

local function orderOf(places)
  local packed = {}
  for index, place in ipairs(places) do
    packed[index] = packBytes(
      PLACE,
      place.band,
      place.createdAt,
      place.row,
      place.expiresAt,
      place.since,
      place.count
    )
  end
  return table.concat(packed)
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

local function header(place)
  place.header = place.header or headerOf(call('HGET', STOCK, place.row))
  return place.header
end

-- "since:count", or "" of a fresh package.
local function exposureOf(place)
  return place.count > 0 and place.since .. ':' .. place.count or ''
end

-- The order in which claims choose.
local function precedes(place, other)
  if place.band ~= other.band then
    return place.band < other.band
  end
  if place.createdAt ~= other.createdAt then
    return place.createdAt < other.createdAt
  end
  return header(place).id < header(other).id
end

local function insert(places, place)
  local low, high = 1, #places + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if precedes(place, places[middle]) then
      high = middle
    else
      low = middle + 1
    end
  end
  table.insert(places, low, place)
end

local function isFresh(place)
  return place.band < EXPOSED
end

local function isExposed(place)
  return place.band >= EXPOSED and place.band < SLOT
end
