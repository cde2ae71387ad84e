-- selection.ts: which packages a claim asks for. What is wanted comes as letters, `p` for every package without a
-- slot and `s` for every slot, or as a JSON list of narrowings, any of which a package has to meet.

local wantsPackages, wantsSlots, narrowings

local function want(text)
  wantsPackages = text == 'p' or text == 'ps'
  wantsSlots = text == 's' or text == 'ps'
  narrowings = string.sub(text, 1, 1) == '[' and cjson.decode(text)
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

-- `isAskedFor`, for claims that narrow.
local function isAskedFor(pkg)
  for _, narrowing in ipairs(narrowings) do
    if meets(pkg, narrowing) then
      return true
    end
  end
  return false
end

-- Those of the ids that are asked for; all of them are packages without a slot, or all are slots.
local function askedFor(ids, wanted)
  if not narrowings then
    return wanted and ids or {}
  end
  local asked = {}
  for _, id in ipairs(ids) do
    if isAskedFor(header(id)) then
      table.insert(asked, id)
    end
  end
  return asked
end
