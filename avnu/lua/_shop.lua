-- Moving a shop between its places (see _shop_read.lua).
--@include _shop_read

local function set_idle(area, shop)
  call('HDEL', K.place .. area, shop)
end

-- The shop joins its partition's ready list; whatever makes a shop ready wakes in the same script.
local function set_ready(area, shop, place)
  place.at = 'r'
  write_place(area, shop, place)
  call('RPUSH', K.ready .. area .. '/' .. place.p, shop)
  wake(area, place.p)
end

-- Ready when its line holds webhooks, idle when not.
local function ready_or_idle(area, shop, place)
  if call('EXISTS', K.line .. area .. '/' .. shop) == 1 then
    set_ready(area, shop, place)
  else
    set_idle(area, shop)
  end
end

-- Park: wait_ms as named by the caller, or (0) 5 s doubling to 5 min.
local function note_parking(place, wait_ms, cause)
  place.since = place.since and now - (place.till - place.since) or now
  place.times = (place.times or 0) + 1
  if wait_ms <= 0 then
    wait_ms = math.min(C.park_longest_ms, C.park_first_ms * 2 ^ math.min(place.times - 1, 30))
  end
  place.till, place.cause = now + math.floor(wait_ms), cause
end

local function set_parked(area, shop, place)
  place.at = 'p'
  write_place(area, shop, place)
  call('ZADD', K.parked, place.till, area .. '/' .. shop)
end

-- After a turn or a crash: the leased shop goes where its line and what was said of it send it.
-- A shop that was served in between starts its time without service anew.
local function return_shop(area, shop, wait_ms, cause, progressed)
  local place = read_place(area, shop)
  if not place or (place.at ~= 'l' and place.at ~= 'n') then return end
  if wait_ms then
    if progressed then place.since, place.times = nil, nil end
    note_parking(place, wait_ms, cause)
    set_parked(area, shop, place)
  elseif place.at == 'n' then
    if progressed then place.since = now end
    set_parked(area, shop, place)
  else
    if progressed then place.since = nil end
    ready_or_idle(area, shop, place)
  end
end
