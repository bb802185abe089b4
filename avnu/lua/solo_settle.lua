-- Settle one webhook that ran alone.
-- Atomic because the verdict counts only while the lease is still this run's.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 shop (short name), 2 webhook id, 3 owner, 4 token, 5 verdict letter (D done, F failed,
--   X rejected, B put back, N unhandled), 6 reason, 7 jitter (-1..1), 8 wait of a parked shop in ms
--   ('' not parked, '0' the doubling default), 9 cause of parking ('' it waits alone, without its
--   shop), 10 crc32 of the shop.
-- Returns {'OK'} or {'LOST'} (the lease is another's or has ended: nothing changed).
--@include _past_full
--@include _clock
--@include _wake
--@include _shop
--@include _fate
--@include _solo

local area = call('HGET', K.trouble .. ARGV[1] .. '/' .. ARGV[2], 'area')

-- Its shop parks: at once when it is idle or ready; a drain that has it leased is left a note.
-- Returns the ms at which it is due again.
local function park_with_shop(shop, wait_ms, cause)
  local place = read_place(area, shop)
  if place and (place.at == 'l' or place.at == 'n') then
    if place.at == 'l' then note_parking(place, wait_ms, cause) end
    place.at = 'n'
    write_place(area, shop, place)
    return place.till
  end
  if place and place.at == 's' then return now + C.park_first_ms end
  if place and place.at == 'r' then call('LREM', K.ready .. area .. '/' .. place.p, 0, shop) end
  if place and place.at == 'p' and place.till > now then return place.till end
  place = place or { p = ARGV[10] % C.partitions }
  note_parking(place, wait_ms, cause)
  set_parked(area, shop, place)
  return place.till
end

-- Put back, nothing spent: with its shop when that parks, alone, or for a moment. An idle shop forgets
-- that it parked, so the webhook itself remembers how long, and dies after PARK_MAX_SECONDS.
local function put_back(w)
  local key = K.trouble .. w.ref
  if ARGV[8] == '' then return go_solo(w, now + C.park_first_ms) end
  if tonumber(call('HGET', key, 'parked') or 0) >= C.park_max_ms then return die(w, 'unavailable') end
  local wait_ms, times = tonumber(ARGV[8]), call('HINCRBY', key, 'parks', 1)
  if wait_ms <= 0 then wait_ms = math.min(C.park_longest_ms, C.park_first_ms * 2 ^ math.min(times - 1, 30)) end
  local till, due = now + math.floor(wait_ms)
  if ARGV[9] ~= '' then
    till = park_with_shop(ARGV[1], math.floor(wait_ms), ARGV[9])
    due = look_again(till)
  end
  call('HINCRBY', key, 'parked', till - now)
  go_solo(w, due or till)
end

local w = running_webhook(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
if not w then return { 'LOST' } end
leave_running(w)
if ARGV[5] == 'B' then
  put_back(w)
else
  call('HDEL', K.trouble .. w.ref, 'parked', 'parks')
  decide(w, ARGV[5], ARGV[6], tonumber(ARGV[7]))
  if ARGV[5] == 'D' then call('DEL', K.trouble .. w.ref) end
end
return answer({ 'OK' })
