-- One turn of a drain: settle the previous batch and take the next shop's.
-- Atomic so that there is no instant at which work has neither a lease nor a wake-up, and so that a
-- batch is settled by its holder or not at all.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 area, 2 partition number, 3 owner (random name of this drain), 4 token ('' on turn 1),
--   5 turn number (from 1; the same number again gets the same answer), 6 wake number of the message,
--   7 '1' when the slice ends with this turn, 8 wait of a parked shop in ms ('' not parked, '0' the
--   doubling default), 9 cause of parking, 10 jitter (-1..1), 11 one verdict letter per webhook of the
--   previous batch (D done, U superseded, F failed, X rejected, B back to the line, G alone from now
--   on, N unhandled), 12… a reason for each F, X and G, in order.
-- Returns {'BATCH', token, shop, id, record, id, record, …} (maybe no webhook at all: ask on),
--   {'EMPTY'} nothing to do, mark cleared; {'END'} slice over, successor pushed; {'LOST'} the lease is
--   another's; {'BUSY'} a live lease; {'PAUSED'} the area is paused; {'MISFIT'} the verdicts do not
--   fit the batch (nothing changed).
--@include _past_full
--@include _clock
--@include _wake
--@include _shop
--@include _fate
--@include _lease

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

-- Webhooks of a paused topic are set aside; resuming the topic puts them back in line.
local function hold(shop, id)
  call('RPUSH', K.held, area .. '\t' .. shop .. '\t' .. p .. '\t' .. id)
end

-- Up to INBOX_BATCH webhooks and INBOX_BATCH_BYTES from the shop's line, at least one.
local function draw(shop)
  local line = K.line .. area .. '/' .. shop
  local found, batch, bytes, used = {}, {}, 0, 0
  for _, id in ipairs(call('LRANGE', line, 0, C.batch - 1)) do
    local record = call('GET', K.record .. shop .. '/' .. id)
    local accepted, topic
    if record then accepted, topic = head(record) end
    if not accepted then
      count('vanished:' .. area)
    elseif is_paused('topic:' .. topic) then
      hold(shop, id)
    else
      bytes = bytes + #record
      if #batch > 0 and bytes > C.batch_bytes then break end
      found[#found + 1] = id
      found[#found + 1] = record
      batch[#batch + 1] = id .. '\t' .. accepted .. '\t' .. topic .. '\n'
    end
    used = used + 1
  end
  if used > 0 then call('LTRIM', line, used, -1) end
  return found, table.concat(batch), used
end

local function lease_to(shop, place, batch, by)
  place.at = 'l'
  write_place(area, shop, place)
  call('HSET', part_key, 'owner', owner, 'token', token, 'turn', number, 'until', now + C.lease_ms,
    'shop', shop, 'batch', batch, 'by', by, 'tries', 0)
end

local function take(by)
  if is_paused('area:' .. area) then
    release()
    return { 'PAUSED' }
  end
  while true do
    local shop = call('LPOP', ready_key)
    if not shop then
      release()
      return { 'EMPTY' }
    end
    local place = read_place(area, shop)
    if place and place.at == 'r' and place.p == p then
      if is_paused('shop:' .. shop) then
        place.at = 's'
        write_place(area, shop, place)
      else
        local found, batch, used = draw(shop)
        if used == 0 then
          set_idle(area, shop)
        else
          lease_to(shop, place, batch, by)
          return { 'BATCH', token, shop, unpack(found) }
        end
      end
    end
  end
end

-- The answer to this turn was lost on its way: the same batch once more.
local function again(lease)
  local found = {}
  each_leased(lease, area, function(w)
    found[#found + 1] = w.id
    found[#found + 1] = call('GET', K.record .. w.ref)
  end)
  return { 'BATCH', lease.token, lease.shop, unpack(found) }
end

local function begin(lease)
  if lease.owner then
    if lease.owner == owner and lease.turn == '1' then return again(lease) end
    if tonumber(lease['until']) > now or gap then
      -- The current wake-up ends here, so the drain in progress takes over its number and with it
      -- the duty to leave a successor.
      if wake_number == lease.wake then call('HSET', part_key, 'by', wake_number) end
      return { 'BUSY' }
    end
    recover(part_key, lease, area)
  end
  token = tostring(call('INCR', K.token))
  call('SADD', K.work, part)
  return take(wake_number)
end

-- Applies the verdicts. Returns whether anything was settled, or nil when they do not fit.
local function settle_batch(lease)
  local verdicts, reasons, jitter = ARGV[11], 12, tonumber(ARGV[10])
  local leased = {}
  each_leased(lease, area, function(w) leased[#leased + 1] = w end)
  if #leased ~= #verdicts then return nil end
  local back, progressed = {}, #leased == 0
  for i, w in ipairs(leased) do
    local verdict, reason = verdicts:sub(i, i), ''
    if verdict == 'F' or verdict == 'X' or verdict == 'G' then
      reason, reasons = ARGV[reasons] or '', reasons + 1
    end
    if verdict == 'B' then
      back[#back + 1] = w.id
    else
      decide(w, verdict, reason, jitter)
      progressed = true
    end
  end
  for i = #back, 1, -1 do call('LPUSH', K.line .. area .. '/' .. lease.shop, back[i]) end
  return progressed
end

local function finish(lease)
  local progressed = settle_batch(lease)
  if progressed == nil then return { 'MISFIT' } end
  return_shop(area, lease.shop, tonumber(ARGV[8]), ARGV[9], progressed)
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
