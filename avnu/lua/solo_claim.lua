-- Claim one webhook that travels alone, for the task that carries its name.
-- Atomic because doubled, late and simultaneous tasks of one webhook must find one owner.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 shop (short name), 2 webhook id, 3 owner (random name of this run), 4 '1' when nothing else
--   runs in the caller's process, else '0'.
-- Returns {'RUN', token, failed runs so far, '1' when a suspect else '0', record};
--   {'GONE'} nothing to run (settled, dead, unknown, or another task runs it);
--   {'EARLY', ms} its delay has that long to go; {'PARKED'} its shop waits; {'PAUSED'};
--   {'BUSY'} it is a suspect and another suspect runs; {'SUSPECT'} it is a suspect and the caller is
--   not alone in its process: claim again when it is. All but RUN leave it due.
--@include _past_full
--@include _clock
--@include _shop_read
--@include _solo

local ref = ARGV[1] .. '/' .. ARGV[2]
local key = K.trouble .. ref
local names = { 'state', 'due', 'owner', 'token', 'fails', 'suspect', 'area', 'topic' }
local values, webhook = call('HMGET', key, unpack(names)), {}
for i, name in ipairs(names) do webhook[name] = values[i] or nil end

local function run(token)
  return { 'RUN', token, tonumber(webhook.fails or 0), webhook.suspect or '0', call('GET', K.record .. ref) }
end

-- Its shop has parked since the task was published: looked at again when that ends, and not when the
-- task would be repeated in case it was lost.
local function wait_with_shop(place)
  for _, set in ipairs({ K.solo, K.replays, K.suspects }) do
    call('ZADD', set, 'XX', math.max(now + 1000, look_again(place.till)), ref)
  end
end

local function may_not_run()
  if webhook.state ~= 'solo' then return { 'GONE' } end
  if tonumber(webhook.due) > now then return { 'EARLY', tonumber(webhook.due) - now } end
  if is_paused('area:' .. webhook.area) or is_paused('topic:' .. webhook.topic) or is_paused('shop:' .. ARGV[1]) then
    return { 'PAUSED' }
  end
  local place = read_place(webhook.area, ARGV[1])
  if place and place.at == 'p' then
    wait_with_shop(place)
    return { 'PARKED' }
  end
  if webhook.suspect == '1' then
    if ARGV[4] ~= '1' then return { 'SUSPECT' } end
    local other = call('GET', K.suspect)
    if other and call('HGET', K.trouble .. other, 'state') == 'running' then return { 'BUSY' } end
  end
  return nil
end

if webhook.state == 'running' and webhook.owner == ARGV[3] then return run(webhook.token) end
local refusal = may_not_run()
if refusal then return refusal end

local token = tostring(call('INCR', K.token))
call('HSET', key, 'state', 'running', 'owner', ARGV[3], 'token', token)
leave_solo(ref)
call('ZADD', K.running, now + C.lease_ms, ref)
if webhook.suspect == '1' then call('SET', K.suspect, ref) end
return run(token)
