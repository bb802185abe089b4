-- One turn of a drain: settle the previous batch and take the next one.
-- A batch holds up to INBOX_BATCH webhooks of up to INBOX_TURN_SHOPS shops, shop after shop: with many
-- shops of few webhooks each, the cost of a turn is shared (measured: 3 times the throughput).
-- Atomic so that there is no instant at which work has neither a lease nor a wake-up, and so that a
-- batch is settled by its holder or not at all.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 area, 2 partition number, 3 owner (random name of this drain), 4 token ('' on turn 1),
--   5 turn number (from 1; the same number again gets the same answer), 6 wake number of the message,
--   7 '1' when the slice ends with this turn, 8 jitter (-1..1), 9 one verdict letter per webhook of the
--   previous batch (D done, U superseded, F failed, X rejected, B back to the line, G alone from now
--   on, N unhandled), 10 how many shops park, then for each: shop, wait in ms (0 the doubling
--   default), cause; then a reason for each F, X and G, in order.
-- Returns {'BATCH', token, partitions with work, shop, id, record, shop, id, record, …} (maybe no
--   webhook at all: ask on),
--   {'EMPTY'} nothing to do, mark cleared; {'END'} slice over, successor pushed; {'LOST'} the lease is
--   another's; {'BUSY'} a live lease; {'PAUSED'} the area is paused; {'MISFIT'} the verdicts do not
--   fit the batch (nothing changed).
--@include _past_full
--@include _clock
--@include _wake
--@include _shop
--@include _fate
--@include _lease
--@include _held

local area, p, owner, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local number, wake_number = tonumber(ARGV[5]), ARGV[6]
local part = area .. '/' .. p
local part_key, ready_key = K.part .. part, K.ready .. part

-- Free the partition: the mark stays while shops are ready, and goes when none is.
local function release()
  clear_lease(part_key)
  if call('EXISTS', ready_key) == 1 then return true end
  call('SREM', K.work, part)
  return false
end

-- Move webhooks from the shop's line to the batch, as long as there is room; at least one in all.
-- Returns how many left the line.
local function draw(shop, batch)
  local line, used = K.line .. area .. '/' .. shop, 0
  for _, id in ipairs(call('LRANGE', line, 0, C.batch - #batch.lines - 1)) do
    local record = call('GET', K.record .. shop .. '/' .. id)
    local accepted, topic
    if record then accepted, topic = head(record) end
    if not accepted then
      count('vanished:' .. area)
    elseif is_paused('topic:' .. topic) then
      hold(area, shop, p, id)
    else
      batch.bytes = batch.bytes + #record
      if #batch.lines > 0 and batch.bytes > C.batch_bytes then break end
      local n = #batch.found
      batch.found[n + 1], batch.found[n + 2], batch.found[n + 3] = shop, id, record
      batch.lines[#batch.lines + 1] = shop .. '\t' .. id .. '\t' .. accepted .. '\t' .. topic .. '\n'
    end
    used = used + 1
  end
  if used > 0 then call('LTRIM', line, used, -1) end
  return used
end

-- The next shop on the ready list joins the batch, unless it is stopped or has nothing. One whose
-- first webhook finds no room stays the next: put behind the others it could be passed for ever.
local function take_shop(shop, batch)
  local place = read_place(area, shop)
  if not place or place.at ~= 'r' or place.p ~= p then return end
  local entry = area .. '/' .. shop
  if batch.releasing and call('SREM', K.releasing, entry) == 1 then release_shop(entry) end
  if is_paused('shop:' .. shop) then
    place.at = 's'
    write_place(area, shop, place)
  elseif call('EXISTS', K.line .. area .. '/' .. shop) == 0 then
    set_idle(area, shop)
  elseif draw(shop, batch) == 0 then
    call('LPUSH', ready_key, shop)
  else
    place.at = 'l'
    write_place(area, shop, place)
    batch.shops[#batch.shops + 1] = shop
  end
end

local function has_room(batch)
  return #batch.shops < C.turn_shops and #batch.lines < C.batch and batch.bytes < C.batch_bytes
end

local function take(by)
  if is_paused('area:' .. area) then
    release()
    return { 'PAUSED' }
  end
  local batch = { shops = {}, lines = {}, found = {}, bytes = 0 }
  -- After a topic was resumed: what it held back goes before what came since.
  batch.releasing = call('EXISTS', K.releasing) == 1
  repeat
    local shop = call('LPOP', ready_key)
    if shop then take_shop(shop, batch) end
  until not shop or not has_room(batch)
  if #batch.shops == 0 then
    release()
    return { 'EMPTY' }
  end
  call('HSET', part_key, 'owner', owner, 'token', token, 'turn', number, 'until', now + C.lease_ms,
    'shops', table.concat(batch.shops, '\n'), 'batch', table.concat(batch.lines), 'by', by, 'tries', 0)
  return { 'BATCH', token, call('SCARD', K.work), unpack(batch.found) }
end

-- The answer to this turn was lost on its way: the same batch once more.
local function again(lease)
  local found = {}
  each_leased(lease, area, function(w)
    found[#found + 1] = w.shop
    found[#found + 1] = w.id
    found[#found + 1] = call('GET', K.record .. w.ref)
  end)
  return { 'BATCH', lease.token, call('SCARD', K.work), unpack(found) }
end

local function begin(lease)
  local by = wake_number
  if lease.owner then
    if lease.owner == owner and lease.turn == '1' then return again(lease) end
    if tonumber(lease['until']) > now or gap then
      -- The current wake-up ends here, so the drain in progress takes over its number and with it
      -- the duty to leave a successor.
      if wake_number == lease.wake then call('HSET', part_key, 'by', wake_number) end
      return { 'BUSY' }
    end
    -- The duty to leave a successor was the dead drain's; nobody else may have it.
    if lease.by == lease.wake then by = lease.wake end
    recover(part_key, lease, area)
  end
  token = tostring(call('INCR', K.token))
  call('SADD', K.work, part)
  return take(by)
end

-- Shops that park: name → {wait in ms, cause}. Also where the reasons begin.
local function read_parkings()
  local parkings, reasons = {}, 11 + 3 * ARGV[10]
  for i = 11, reasons - 1, 3 do parkings[ARGV[i]] = { tonumber(ARGV[i + 1]), ARGV[i + 2] } end
  return parkings, reasons
end

-- Applies the verdicts. Returns per shop what goes back to its line, and who progressed.
local function settle_batch(leased, reasons)
  local verdicts, jitter, back, progressed = ARGV[9], tonumber(ARGV[8]), {}, {}
  for i, w in ipairs(leased) do
    local verdict, reason = verdicts:sub(i, i), ''
    if verdict == 'F' or verdict == 'X' or verdict == 'G' then
      reason, reasons = ARGV[reasons] or '', reasons + 1
    end
    if verdict == 'B' then
      back[w.shop] = back[w.shop] or {}
      table.insert(back[w.shop], w.id)
    else
      decide(w, verdict, reason, jitter)
      progressed[w.shop] = true
    end
  end
  return back, progressed
end

-- Shops that the slice did not reach come before those that had their turn, of which the first of the
-- batch is always one: else the same slow shop would be reached every time, and no other.
local function in_order_of_return(lease, progressed)
  local waiting, served = {}, {}
  each_shop(lease, function(shop)
    local had_its_turn = progressed[shop] or (#waiting == 0 and #served == 0)
    table.insert(had_its_turn and served or waiting, shop)
  end)
  for _, shop in ipairs(served) do waiting[#waiting + 1] = shop end
  return waiting
end

local function return_shops(lease, back, progressed, parkings)
  for _, shop in ipairs(in_order_of_return(lease, progressed)) do
    local ids, parking = back[shop] or {}, parkings[shop] or {}
    for i = #ids, 1, -1 do call('LPUSH', K.line .. area .. '/' .. shop, ids[i]) end
    return_shop(area, shop, parking[1], parking[2], progressed[shop])
  end
end

local function finish(lease)
  local leased = {}
  each_leased(lease, area, function(w) leased[#leased + 1] = w end)
  if #leased ~= #ARGV[9] then return { 'MISFIT' } end
  local parkings, reasons = read_parkings()
  local back, progressed = settle_batch(leased, reasons)
  return_shops(lease, back, progressed, parkings)
  if ARGV[7] ~= '1' then return take(lease.by) end
  -- An older wake-up leaves no successor, so doubled ones die out.
  if release() and lease.by == lease.wake then push_wake(area, p) end
  return { 'END' }
end

local lease = read_lease(part_key)
if number == 1 then return answer(begin(lease)) end
if lease.owner ~= owner or lease.token ~= token then return { 'LOST' } end
if tonumber(lease.turn) == number then return again(lease) end
if tonumber(lease.turn) ~= number - 1 then return { 'LOST' } end
return answer(finish(lease))
