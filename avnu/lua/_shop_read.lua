-- A shop stands in one place per area. The place is a string:
--   r<p> ready   l<p> leased   n<p> leased, and told to park   p<p> parked   s<p> stopped by a pause
-- followed, for a shop that parks, by \t since \t times \t until \t cause (all times in ms). `since`
-- is moved on while the shop is not parked, so that until - since is the time it spent parked.
-- No entry: idle. <p> is the partition number it keeps until it is idle again.

local function read_place(area, shop)
  local value = call('HGET', K.place .. area, shop)
  if not value then return nil end
  local at, p, rest = value:match('^(%a)(%d+)(.*)$')
  local place = { at = at, p = p }
  if rest ~= '' then
    local since, times, till, cause = rest:match('^\t(%d+)\t(%d+)\t(%d*)\t(.*)$')
    place.since, place.times, place.till, place.cause = tonumber(since), tonumber(times), tonumber(till), cause
  end
  return place
end

local function write_place(area, shop, place)
  local value = place.at .. place.p
  if place.since then
    value = value .. '\t' .. place.since .. '\t' .. place.times .. '\t' .. (place.till or '') .. '\t' .. (place.cause or '')
  end
  call('HSET', K.place .. area, shop, value)
end

-- How long a parked shop has been without service, in ms. Only parked time counts: an outage of
-- the workers says nothing about the shop.
local function waited(place)
  return math.min(place.till, now) - place.since
end

-- When a webhook that waits with its parked shop is looked at again: the shop may unpark early.
local function look_again(till)
  return math.min(till, now + 30000)
end
