-- Shared: the budget of one shop. Shopify's bucket needs room for the requested cost when a call
-- arrives and refunds requested - actual when it ends. 'points' estimates what is available with all
-- reservations deducted; each answer clamps it to what Shopify just proved.
-- Needs _now. Begin each step with use_budget, end the script with save_budget.
local b

local function refill()
  if not b.points then return end
  local passed_s = math.max(0, now - b.at) / 1000
  -- After THROTTLED the rate is trusted less, and 1 % per second more again.
  b.factor = math.min(1, b.factor + passed_s / 100)
  b.points = math.min(b.capacity, b.points + passed_s * b.rate * b.factor)
end

local function load_budget(shop)
  local key = K.budget .. shop
  local kept = call('HMGET', key, 'points', 'at', 'capacity', 'rate', 'out', 'done', 'factor', 'want',
    'want_until')
  b = {
    shop = shop, key = key, leases = K.budget_leases .. shop, points = tonumber(kept[1]), at = tonumber(kept[2] or now),
    capacity = tonumber(kept[3]), rate = tonumber(kept[4]), out = tonumber(kept[5] or 0),
    done = tonumber(kept[6] or 0), factor = tonumber(kept[7] or 1), want = tonumber(kept[8] or 0),
    want_until = tonumber(kept[9] or 0),
  }
  refill()
end

local function save_budget()
  if not b then return end
  local fields = { 'at', now, 'out', b.out, 'done', b.done, 'factor', b.factor, 'want', b.want,
    'want_until', b.want_until }
  if b.capacity then
    fields[13], fields[14], fields[15], fields[16] = 'points', b.points, 'capacity', b.capacity
    fields[17], fields[18] = 'rate', b.rate
  end
  call('HSET', b.key, unpack(fields))
  call('PEXPIRE', b.key, C.budget_keep_ms)
end

-- The shop whose budget the next steps are about; what was loaded for the one before is written.
local function use_budget(shop)
  if b and b.shop == shop then return end
  save_budget()
  load_budget(shop)
end

local function let_go(id, cost)
  call('HDEL', b.key, 'r' .. id)
  -- Sums of fractions drift; an empty set of reservations is exactly nothing.
  b.out = call('ZREM', b.leases, id) == 1 and call('ZCARD', b.leases) == 0 and 0 or math.max(0, b.out - cost)
end

-- Reservations of workers that died. Nothing is refunded: whether the call ran is not known, and the
-- next answer lifts the estimate to what is proved.
local function lapse()
  for _, id in ipairs(call('ZRANGEBYSCORE', b.leases, '-inf', now)) do
    local held = call('HGET', b.key, 'r' .. id)
    let_go(id, held and tonumber(held:match('^%S+')) or 0)
  end
  -- A server that evicts may take the set alone; what no reservation stands for would be out for ever.
  if b.out > 0 and call('EXISTS', b.leases) == 0 then b.out = 0 end
end

-- Learnt costs rise at once, as too low a guess is THROTTLED, and fall slowly.
local function learn(query, requested)
  local known = tonumber(call('HGET', K.budget_costs, query))
  if known == requested then return end
  if known and requested < known then requested = known - (known - requested) / 10 end
  call('HSET', K.budget_costs, query, requested)
end

local function estimate(query, hint)
  local cost = tonumber(call('HGET', K.budget_costs, query)) or hint
  return math.min(C.most_points, cost > 0 and cost or C.first_cost)
end

local function hold(id, cost, wait_ms, lease_ms)
  b.points = b.points and b.points - cost
  b.out = b.out + cost
  call('HSET', b.key, 'r' .. id, cost .. ' ' .. b.done .. ' ' .. now + wait_ms)
  call('ZADD', b.leases, now + wait_ms + lease_ms, id)
  -- As long as the budget itself: a set that ended sooner, because nobody called meanwhile, would take
  -- along the only note of what a dead worker holds.
  call('PEXPIRE', b.leases, C.budget_keep_ms)
  return true, wait_ms, cost
end

-- Nothing is known of the bucket before the first answer: bulk calls go one at a time, interactive
-- ones as far as the smallest bucket of any plan holds them.
local function scout(id, cost, bulk)
  if b.out > 0 and (bulk or b.out + cost > C.most_points) then return false, C.scout_wait_ms, cost end
  return hold(id, cost, 0, C.scout_ms)
end

-- What must stay in the bucket beside the cost: room for interactive calls, and for a bulk call that
-- waits for more points than this one wants; without it cheap calls would starve a dear one.
local function reserve_for_others(cost, bulk)
  if not bulk then return 0 end
  local floor = b.capacity * C.floor_percent / 100
  if b.want_until > now and cost < b.want then floor = floor + b.want end
  return math.max(0, math.min(floor, b.capacity - cost))
end

-- → granted?, wait in ms (granted: before sending; refused: before asking again), points reserved.
local function reserve(id, query, hint, bulk)
  lapse()
  local held = call('HGET', b.key, 'r' .. id)
  if held then
    local cost, start = held:match('^(%S+) %S+ (%S+)$')
    return true, math.max(0, start - now), tonumber(cost)
  end
  local cost = estimate(query, hint)
  if not b.capacity then return scout(id, cost, bulk) end
  cost = math.min(cost, b.capacity)
  local short = cost + reserve_for_others(cost, bulk) - b.points
  local wait_ms = math.ceil(math.max(0, short) / (b.rate * b.factor) * 1000)
  local ahead_ms = bulk and C.ahead_bulk_ms or C.ahead_interactive_ms
  if wait_ms <= ahead_ms then
    if bulk and cost >= b.want then b.want, b.want_until = 0, 0 end
    return hold(id, cost, wait_ms, C.lease_ms)
  end
  if bulk and b.want_until <= now then b.want, b.want_until = cost, now + wait_ms + C.claim_ms end
  return false, wait_ms - ahead_ms, cost
end

-- answer: id, query, actual, available, maximum, rate, age_ms, requested, throttled ('1'). An empty
-- text is what the answer did not say.
local function settle(answer)
  local requested = tonumber(answer.requested)
  if requested and answer.query ~= '' then learn(answer.query, requested) end
  local held = call('HGET', b.key, 'r' .. answer.id)
  if not held then return end -- settled already, or lapsed: its answer is too old to prove anything
  local cost, done = held:match('^(%S+) (%S+)')
  cost, done = tonumber(cost), tonumber(done)
  let_go(answer.id, cost)
  local actual = answer.throttled == '1' and 0 or tonumber(answer.actual) or cost
  if answer.throttled == '1' then b.factor = math.max(0.3, b.factor * 0.9) end
  -- What others have spent since this reservation is perhaps not in this answer.
  local since = b.done - done
  b.done = b.done + actual
  if tonumber(answer.maximum) and tonumber(answer.rate) then
    b.capacity, b.rate = math.max(1, answer.maximum), math.max(1, answer.rate)
  elseif not b.capacity and answer.actual ~= '' then
    -- Answers without a throttleStatus: begin with half of the smallest bucket there ever was.
    b.capacity, b.rate, b.points = C.blind_capacity, C.blind_rate, C.blind_capacity / 2 - cost
  end
  if not b.capacity then return end
  b.points = math.min(b.capacity, (b.points or 0) + cost - actual)
  if not tonumber(answer.available) then return end
  local proved = math.min(b.capacity, answer.available + answer.age_ms / 1000 * b.rate)
  b.points = math.min(math.max(b.points, proved - b.out - since), proved)
end
