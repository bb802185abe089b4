-- The inbox's heartbeat: every worker, once a second, harmless everywhere at once. Publishes nothing
-- itself but wake-ups: which solo tasks are due is its answer.
-- Atomic because every step decides by what it sees (leases, lengths, places) and acts on it.
-- Bounded: each step looks at a limited number of things; what is left is seen a second later.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 the worker's name ('' when nobody's), 2 its processes and queues: '<n> <queue>,…'.
-- Returns {'EARLY'} another worker ticked less than half a second ago (the worker is noted all the same),
--   or {'TICK', full '1'/'0', wake-ups replaced, leases recovered, area, topic, shop, id, area, …} with
--   four values per solo task to publish now.
--@include _past_full
--@include _clock
--@include _wake
--@include _shop
--@include _fate
--@include _lease
--@include _solo
--@include _memory
--@include _held
--@include _unpark

local REPLACE_FIRST_MS, REPLACE_LONGEST_MS = 2000, 60000
-- As soon as a wake-up: a task too many ends at its claim, and what was lost waits no longer than that.
local REPUBLISH_FIRST_MS, REPUBLISH_LONGEST_MS = 2000, 300000
local BLOCKED_MS = 10000
local WORKER_GONE_MS = 60000
local MOST = 500
local replaced, recovered, due = 0, 0, {}
-- Per area: messages in its queue, and partitions with work.
local lengths, parts = {}, {}

-- A backward step of the server's clock goes into the offset: nothing that waits is frozen by it.
local function absorb_backward_step()
  if measured < ticked then call('HINCRBY', K.control, 'offset', ticked - measured) end
end

-- Redis or every worker was away, or the clock jumped: whoever holds a lease gets a fresh term first.
local function renew_after_gap()
  if not gap then return end
  for _, part in ipairs(call('SMEMBERS', K.work)) do
    if call('HEXISTS', K.part .. part, 'owner') == 1 then
      call('HSET', K.part .. part, 'until', now + C.lease_ms)
    end
  end
  for _, ref in ipairs(call('ZRANGE', K.running, 0, -1)) do
    call('ZADD', K.running, now + C.lease_ms, ref)
  end
end

local function growing(first, longest, times)
  return math.min(longest, first * 2 ^ math.min(times, 30))
end

local function length_of(area)
  lengths[area] = lengths[area] or queue_length(area)
  return lengths[area]
end

-- One partition: an expired lease is recovered; a wake-up that seems lost is replaced, at growing
-- intervals and only while the queue is short, so that an overload never fills it.
local function mend_partition(part, spare)
  local area, p = part:match('^(.*)/(%d+)$')
  local key = K.part .. part
  local lease = read_lease(key)
  if lease.owner then
    if tonumber(lease['until']) > now then return end
    recover(key, lease, area)
    recovered = recovered + 1
    if call('EXISTS', K.ready .. part) == 1 then push_wake(area, p) else call('SREM', K.work, part) end
    return
  end
  if call('EXISTS', K.ready .. part) == 0 then
    call('SREM', K.work, part)
    return
  end
  local f = call('HMGET', key, 'woken', 'tries')
  local tries = tonumber(f[2] or 0)
  if now - tonumber(f[1] or 0) < growing(REPLACE_FIRST_MS, REPLACE_LONGEST_MS, tries) then return end
  if is_paused('area:' .. area) then return end
  if length_of(area) >= 2 * parts[area] + spare then return end
  call('HSET', key, 'tries', tries + 1)
  push_wake(area, p)
  lengths[area] = lengths[area] + 1
  count('wakeups_replaced')
  replaced = replaced + 1
end

-- Solo tasks stand in the same queue, and must not hide that a wake-up is missing: see room_for_solo.
local function mend_partitions()
  local work = call('SMEMBERS', K.work)
  local spare = call('EXISTS', K.solo, K.replays, K.suspects) > 0 and C.solo_per_s or 0
  for _, part in ipairs(work) do
    local area = part:match('^(.*)/')
    parts[area] = (parts[area] or 0) + 1
  end
  for _, part in ipairs(work) do mend_partition(part, spare) end
end

local function recover_solo()
  for _, ref in ipairs(call('ZRANGEBYSCORE', K.running, '-inf', now, 'LIMIT', 0, MOST)) do
    local f = call('HMGET', K.trouble .. ref, 'area', 'topic', 'accepted')
    local w = { ref = ref, area = f[1], topic = f[2], accepted = f[3] }
    leave_running(w)
    crash(w)
    count('leases_recovered')
    recovered = recovered + 1
  end
end

-- Parked longer than PARK_MAX_SECONDS: the shop's webhooks are dead, a bounded number per tick.
-- Returns whether the line is empty.
local function give_up(area, shop)
  local line = K.line .. area .. '/' .. shop
  for _, id in ipairs(call('LRANGE', line, 0, MOST - 1)) do
    local ref = shop .. '/' .. id
    local accepted, topic = head(call('GETRANGE', K.record .. ref, 0, 400))
    if accepted then
      die({ ref = ref, area = area, topic = topic, accepted = accepted }, 'unavailable')
    else
      count('vanished:' .. area)
    end
  end
  call('LTRIM', line, MOST, -1)
  return call('EXISTS', line) == 0
end

local function unpark_due()
  for _, entry in ipairs(call('ZRANGEBYSCORE', K.parked, '-inf', now, 'LIMIT', 0, MOST)) do
    local area, shop = entry:match('^(.*)/(.*)$')
    local place = read_place(area, shop)
    if not place or place.at ~= 'p' then
      call('ZREM', K.parked, entry)
    elseif waited(place) < C.park_max_ms or give_up(area, shop) then
      unpark(area, shop, place)
    end
  end
end

-- A second's worth of solo tasks may wait in a queue, beside one wake-up for each partition.
local function room_for_solo(area)
  return length_of(area) < (parts[area] or 0) + C.solo_per_s
end

-- May a due webhook be published? If not, it is put where it waits, and false is returned.
local function may_publish(ref, set, w, shop)
  if is_paused('area:' .. w.area) or is_paused('topic:' .. w.topic) or is_paused('shop:' .. shop) then
    if set == K.suspects then
      call('ZADD', set, now + 5000, ref)
    else
      call('ZREM', set, ref)
      call('ZADD', K.stopped, now, ref)
    end
    return false
  end
  local place = read_place(w.area, shop)
  if place and place.at == 'p' then
    if waited(place) >= C.park_max_ms then
      leave_solo(ref)
      die(w, 'unavailable')
    else
      call('ZADD', set, math.max(now + 1000, look_again(place.till)), ref)
    end
    return false
  end
  return true
end

-- Publishing only notes when: the webhook stays in its set until its task claims it, and is published
-- again at growing intervals in case the message was lost. Returns how many were published.
local function publish(set, most)
  local published, blocked = 0, {}
  for _, ref in ipairs(call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, 2 * MOST)) do
    if published >= most then break end
    local shop, id = ref:match('^([^/]*)/(.*)$')
    local f = call('HMGET', K.trouble .. ref, 'area', 'topic', 'accepted', 'pubs')
    if not f[1] then
      call('ZREM', set, ref)
    else
      local w = { ref = ref, area = f[1], topic = f[2], accepted = f[3] }
      if may_publish(ref, set, w, shop) then
        if not room_for_solo(w.area) then
          blocked[#blocked + 1] = ref
        else
          lengths[w.area] = lengths[w.area] + 1
          published = published + 1
          for _, value in ipairs({ w.area, w.topic, shop, id }) do due[#due + 1] = value end
          call('HINCRBY', K.trouble .. ref, 'pubs', 1)
          call('ZADD', set, now + growing(REPUBLISH_FIRST_MS, REPUBLISH_LONGEST_MS, tonumber(f[4] or 0)), ref)
        end
      end
    end
  end
  -- One area's workers are away and its webhooks are all that was seen: the others come to the front.
  if #blocked == 2 * MOST then
    for _, ref in ipairs(blocked) do call('ZADD', set, now + BLOCKED_MS, ref) end
  end
  return published
end

local function publish_suspect()
  local other = call('GET', K.suspect)
  if other and call('HGET', K.trouble .. other, 'state') == 'running' then return end
  publish(K.suspects, 1)
end

local function note_worker(name, told)
  if name ~= '' then call('HSET', K.ticking, name, ('%d %s'):format(now, told)) end
end

-- Workers that are long gone: a container's name never comes back.
local function sweep_workers()
  local noted = call('HGETALL', K.ticking)
  for i = 1, #noted, 2 do
    local ticked_ms = tonumber(noted[i + 1]:match('^%d+'))
    if now - ticked_ms > WORKER_GONE_MS then call('HDEL', K.ticking, noted[i]) end
  end
end

local function sweep_dead()
  for _, ref in ipairs(call('ZRANGEBYSCORE', K.dead, '-inf', now - C.dead_ttl_ms, 'LIMIT', 0, MOST)) do
    local f = call('HMGET', K.trouble .. ref, 'area', 'topic', 'accepted')
    drop({ ref = ref, area = f[1], topic = f[2], accepted = f[3] })
  end
end

note_worker(ARGV[1], ARGV[2])
if control[2] and measured >= ticked and now - ticked < 500 then return answer({ 'EARLY' }) end
absorb_backward_step()
renew_after_gap()
local full = note_memory()
mend_partitions()
recover_solo()
unpark_due()
release_held(MOST)
publish_suspect()
local most = math.ceil(C.solo_per_s * math.min(1, (now - ticked) / 1000))
publish(K.replays, most - publish(K.solo, most))
sweep_dead()
sweep_workers()
call('HSET', K.control, 'ticked', now)
return answer({ 'TICK', full and '1' or '0', replaced, recovered, unpack(due) })
