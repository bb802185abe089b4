-- Unpark a shop now, in every area: reinstalled, token refreshed, breaker closed, or the operator.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 shop (short name), 2 causes, only parkings for which end ('/breaker/platform/'; '' for
--   all), 3… all areas.
-- Returns in how many areas it was parked, or about to be, and goes on.
-- Atomic because a shop must stand in one place, and a ready one needs its wake-up.
--@include _past_full
--@include _clock
--@include _wake
--@include _shop
--@include _unpark

local function meant(place)
  return ARGV[2] == '' or ARGV[2]:find('/' .. (place.cause or '') .. '/', 1, true)
end

local unparked = 0
for i = 3, #ARGV do
  local place = read_place(ARGV[i], ARGV[1])
  if place and not meant(place) then place = nil end
  if place and place.at == 'p' then
    place.since, place.times = nil, nil
    unpark(ARGV[i], ARGV[1], place)
    unparked = unparked + 1
  elseif place and place.at == 'n' then
    write_place(ARGV[i], ARGV[1], { at = 'l', p = place.p })
    unparked = unparked + 1
  end
end
return unparked
