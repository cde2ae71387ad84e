-- selection.ts: which packages a claim asks for. What is wanted comes as letters, `p` for every package without a
-- slot and `s` for every slot, or as a JSON list of narrowings, any of which a package has to meet.

local wantsPackages, wantsSlots, narrowings

local function want(text)
  wantsPackages = text == 'ps' or text == 'p'
  wantsSlots = text == 'ps' or text == 's'
  narrowings = sub(text, 1, 1) == '[' and cjson.decode(text)
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then
      return true
    end
  end
  return false
end

-- Whether one of the alternatives is among the tags.
local function hasTag(tags, alternatives)
  for _, tag in ipairs(alternatives) do
    if string.find(tags, ' ' .. tag, 1, true) then
      return true
    end
  end
  return false
end

-- `meets`
local function meets(pkg, narrowing)
  if not contains(narrowing.kinds, pkg.kind) then
    return false
  end
  if narrowing.ids and not contains(narrowing.ids, pkg.id) then
    return false
  end
  if narrowing.since and pkg.createdAt < narrowing.since then
    return false
  end
  if narrowing['until'] and pkg.createdAt > narrowing['until'] then
    return false
  end
  for _, alternatives in ipairs(narrowing.tags) do
    if not hasTag(pkg.tags, alternatives) then
      return false
    end
  end
  return true
end

-- `isAskedFor`
local function isAskedFor(place)
  if not narrowings then
    return place.band == SLOT and wantsSlots or place.band ~= SLOT and wantsPackages
  end
  local pkg = header(place)
  for _, narrowing in ipairs(narrowings) do
    if meets(pkg, narrowing) then
      return true
    end
  end
  return false
end

-- `choose`: the slots that are asked for, and the packages without a slot that a claim takes. An exposed one is for
-- emergencies: it is chosen only when no fresh one is left beside it. Returns also how many could be spent in all.
local function choose(places, maximum)
  local slots, chosen, spendable, freshLeft = {}, {}, 0, 0
  for _, place in ipairs(places) do
    if place.band == SLOT then
      if isAskedFor(place) then
        table.insert(slots, place)
      end
    else
      spendable = spendable + 1
      -- All fresh ones stand before the exposed.
      if #chosen < maximum and (isFresh(place) or freshLeft == 0) and isAskedFor(place) then
        table.insert(chosen, place)
      elseif isFresh(place) then
        freshLeft = freshLeft + 1
      end
    end
  end
  return slots, chosen, spendable
end
