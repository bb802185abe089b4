-- Shared: one breaker. 'closed' counts calls in a window; 'open' lets none pass until its time is over;
-- 'half-open' gives a few permits, and the votes of their holders close or open it. An override
-- ('open' or 'closed') stands above all that. Each turn gives a new generation number: what is
-- reported of an older one does not count. Generations come from the clock, so a breaker whose hash
-- was wiped does not number anew from the beginning.
-- Needs _now. Begin with load_breaker.
local brk

local function load_breaker(name)
  local kept = call('HMGET', K.breaker .. name, 'state', 'gen', 'until', 'row', 'since', 'forced')
  brk = {
    name = name, state = kept[1] or 'closed', gen = tonumber(kept[2] or 0), ends = tonumber(kept[3] or 0),
    row = tonumber(kept[4] or 0), since = tonumber(kept[5] or 0), forced = kept[6] or '',
  }
  brk.before = brk.state
  -- A clock that stepped back must not keep it open for longer than it ever may be.
  brk.ends = math.min(brk.ends, now + math.max(C.open_longest_ms, C.probe_ms))
end

local function turn(state, lasts_ms)
  local name, key = brk.name, K.breaker .. brk.name
  brk.state, brk.since, brk.ends = state, now, now + lasts_ms
  brk.gen = math.max(brk.gen + 1, now)
  call('DEL', K.breaker_window .. name, K.breaker_seen .. name, K.breaker_bad .. name,
    K.breaker_probes .. name)
  call('HSET', key, 'state', state, 'gen', brk.gen, 'until', brk.ends, 'row', brk.row, 'since', now,
    'forced', brk.forced)
  call('SADD', K.breakers, name)
  -- Only what says no more than a missing key may be evicted, or go with age.
  if state == 'closed' and brk.forced == '' then
    call('PEXPIRE', key, C.closed_keep_ms)
  else
    call('PERSIST', key)
  end
end

-- Opens it for longer each time, unless it had stayed closed for as long as it may ever be open.
local function trip()
  local calm = brk.state == 'closed' and now - brk.since > C.open_longest_ms
  brk.row = calm and 1 or brk.row + 1
  turn('open', math.min(C.open_longest_ms, C.open_ms * 2 ^ math.min(brk.row - 1, 30)))
end

-- The state is gone, but the caller knows it as not closed: it was wiped. Go on where the caller is.
local function restore(known_ms)
  if known_ms == 0 or brk.gen > 0 then return end
  if known_ms > 1 then
    turn('open', math.min(known_ms, C.open_longest_ms))
  else
    turn('half-open', C.probe_ms)
  end
end

-- What time alone does. An undecided half-open window ends too, and with it its permits: leases.
local function advance()
  if brk.forced == '' and brk.state ~= 'closed' and now >= brk.ends then turn('half-open', C.probe_ms) end
end

local function prune(window, slot)
  for _, field in ipairs(call('HKEYS', window)) do
    if tonumber(field:sub(1, -2)) <= slot - C.window_s then call('HDEL', window, field) end
  end
  call('PEXPIRE', window, C.window_s * 2000)
  for _, shops in ipairs({ K.breaker_seen .. brk.name, K.breaker_bad .. brk.name }) do
    call('ZREMRANGEBYSCORE', shops, '-inf', now - C.window_s * 1000)
    call('PEXPIRE', shops, C.window_s * 2000)
  end
end

local function judge(window, slot)
  local good, bad, found = 0, 0, call('HGETALL', window)
  for i = 1, #found, 2 do
    if tonumber(found[i]:sub(1, -2)) > slot - C.window_s then
      if found[i]:sub(-1) == '-' then bad = bad + found[i + 1] else good = good + found[i + 1] end
    end
  end
  if good + bad < C.min_calls or bad * 100 < C.failure_percent * (good + bad) then return end
  if C.min_shops > 0 then
    -- One shop's trouble is that shop's, however many calls it makes.
    local since = '(' .. (now - C.window_s * 1000)
    local seen = call('ZCOUNT', K.breaker_seen .. brk.name, since, '+inf')
    local failing = call('ZCOUNT', K.breaker_bad .. brk.name, since, '+inf')
    if failing < C.min_shops or failing * 100 < C.shop_percent * seen then return end
  end
  trip()
end

local function tally(shop, good, bad, last)
  local window, slot = K.breaker_window .. brk.name, math.floor(now / 1000)
  local fresh = false
  if good > 0 then fresh = call('HINCRBY', window, slot .. '+', good) == good end
  if bad > 0 then fresh = call('HINCRBY', window, slot .. '-', bad) == bad or fresh end
  if shop ~= '' then
    call('ZADD', K.breaker_seen .. brk.name, now, shop)
    if last == '-' then
      call('ZADD', K.breaker_bad .. brk.name, now, shop)
    else
      call('ZREM', K.breaker_bad .. brk.name, shop)
    end
  end
  if fresh then prune(window, slot) end
  if bad > 0 and brk.forced == '' then judge(window, slot) end
end

-- The vote of one probe. A majority closes; what makes that impossible opens. One shop has one vote
-- against, so a shop in trouble cannot keep the platform's breaker open.
local function vote(probe, last)
  local probes = K.breaker_probes .. brk.name
  local shop = call('HGET', probes, 'p' .. probe)
  if not shop then return end
  call('HDEL', probes, 'p' .. probe, 'o' .. shop)
  local enough = math.floor(C.probes / 2) + 1
  if last == 'i' then
    call('HINCRBY', probes, 'given', -1)
  elseif last == '+' then
    if call('HINCRBY', probes, 'for', 1) >= enough then turn('closed', 0) end
  else
    call('HSET', probes, 'f' .. shop, 1)
    if call('HINCRBY', probes, 'against', 1) > C.probes - enough then trip() end
  end
end

-- last: '+' good, '-' bad, 'i' proves nothing either way.
local function report(gen, shop, good, bad, last, probe)
  if gen ~= brk.gen then return end
  if brk.state == 'half-open' then
    vote(probe, last)
  elseif brk.state == 'closed' and good + bad > 0 then
    tally(shop, good, bad, last)
  end
end

-- Why a call of this shop may not pass now: a wait in ms; nil when it may.
local function refusal(shop, id)
  if brk.forced == 'open' then return C.open_ms end
  if brk.forced == 'closed' or brk.state == 'closed' then return nil end
  if brk.state == 'open' then return math.max(1, brk.ends - now) end
  local held = call('HMGET', K.breaker_probes .. brk.name, 'p' .. id, 'given', 'o' .. shop, 'f' .. shop)
  if held[1] then return nil end
  if tonumber(held[2] or 0) < C.probes and (shop == '' or not (held[3] or held[4])) then return nil end
  return math.max(1, math.min(C.probe_again_ms, brk.ends - now))
end

-- After refusal() found no reason: in a half-open window the call is one of its probes.
local function take_permit(shop, id)
  if brk.forced ~= '' or brk.state ~= 'half-open' then return end
  local probes = K.breaker_probes .. brk.name
  if call('HSET', probes, 'p' .. id, shop) == 0 then return end
  call('HINCRBY', probes, 'given', 1)
  if shop ~= '' then call('HSET', probes, 'o' .. shop, 1) end
  call('PEXPIRE', probes, 2 * C.probe_ms)
end

-- Outcomes that come twice, because an answer was lost on its way, count once.
local function first_time(batch)
  local key = K.breaker_batches .. brk.name
  if call('ZADD', key, 'NX', now, batch) == 0 then return false end
  call('ZREMRANGEBYSCORE', key, '-inf', now - C.again_ms)
  call('PEXPIRE', key, C.again_ms)
  return true
end

-- state, generation, ms until it may change by itself, override, the state before this script.
local function breaker_reply()
  return { brk.state, brk.gen, math.max(0, brk.ends - now), brk.forced, brk.before }
end
