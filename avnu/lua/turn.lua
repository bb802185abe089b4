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

--@include _take

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

--@include _settle_batch

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
