-- Pause or resume an area, a topic or a shop: accepted and kept, not run.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 'pause' or 'resume', 2 'area:<area>', 'topic:<topic>' or 'shop:<short name>', 3… all areas.
-- Returns 1 changed, 0 it was so already.
-- Atomic because resuming must leave no ready shop without a wake-up.
--@include _past_full
--@include _clock
--@include _wake
--@include _shop
--@include _fate
--@include _held

local what = ARGV[2]
local kind, name = what:match('^(%a+):(.*)$')

-- Partitions that stand marked but without a wake-up, because turns found the area paused. Those that
-- the pause found in the queue still count, so that pausing and resuming at will never fills it.
local function wake_area(area)
  local free = {}
  for _, part in ipairs(call('SMEMBERS', K.work)) do
    local of, p = part:match('^(.*)/(%d+)$')
    if of == area and call('HEXISTS', K.part .. part, 'owner') == 0 then free[#free + 1] = p end
  end
  local room = 2 * #free - queue_length(area)
  for i = 1, math.min(#free, room) do push_wake(area, free[i]) end
end

local function restart_shop(shop)
  for i = 3, #ARGV do
    local place = read_place(ARGV[i], shop)
    if place and place.at == 's' then ready_or_idle(ARGV[i], shop, place) end
  end
end

if ARGV[1] == 'pause' then
  call('HSET', K.control, 'pauses', '1')
  return call('SADD', K.paused, what)
end
local changed = call('SREM', K.paused, what)
if call('SCARD', K.paused) == 0 then
  call('HSET', K.control, 'pauses', '0')
  control[4] = '0'
end
if kind == 'area' then wake_area(name) end
if kind == 'shop' then restart_shop(name) end
if kind == 'topic' then
  release_all_held()
  release_held(500)
end
-- Solo webhooks that a pause set aside are due again, after what happens now; the tick sets aside
-- what is still paused.
if call('EXISTS', K.stopped) == 1 then
  call('ZUNIONSTORE', K.replays, 2, K.replays, K.stopped, 'AGGREGATE', 'MIN')
  call('DEL', K.stopped)
end
return changed
