-- A parked shop goes on: to its pause, to the ready list, or idle when nothing waits.
local function unpark(area, shop, place)
  call('ZREM', K.parked, area .. '/' .. shop)
  place.cause = nil
  if is_paused('shop:' .. shop) then
    place.at = 's'
    write_place(area, shop, place)
  else
    ready_or_idle(area, shop, place)
  end
end
