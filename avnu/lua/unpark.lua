-- Unpark a shop now, in every area: reinstalled, token refreshed, breaker closed, or the operator.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 shop (short name), 2… all areas.
-- Returns how many areas it was parked in, or about to be.
-- Atomic because a shop must stand in one place, and a ready one needs its wake-up.
--@include _past_full
--@include _clock
--@include _wake
--@include _shop
--@include _unpark

local unparked = 0
for i = 2, #ARGV do
  local place = read_place(ARGV[i], ARGV[1])
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
