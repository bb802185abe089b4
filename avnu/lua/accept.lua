-- Accept a group of webhooks: deduplicate, guard against replays, store, and wake.
-- Atomic because a webhook must never be stored without standing in a line, nor a shop be ready
-- without a wake-up; and because two deliveries of one id may arrive at once.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 8 per webhook: shop (short name), webhook id, area, topic, '1' when the topic destroys
--   something else '', 16 bytes of the MAC or '' (body under 64 bytes: no guard), crc32 of the shop,
--   record ('0000000000000 \t <area> \t <topic> \t … \n <body>': the zeros become the time of acceptance).
-- Returns one letter per webhook: A accepted, D duplicate, R replayed (not kept),
--   S suspected replay (kept as dead), F inbox full (not kept).
--@include _clock
--@include _wake
--@include _shop
--@include _fate

-- More deliveries than this of the same signed bytes for one shop and topic are a replay.
local MOST_SEEN = 10

-- 'new', 'replayed' or 'suspect'. The guard holds: shop { \t topic \t destroys \t seen }.
local function guard(mac, shop, topic, destroys)
  local key = K.guard .. mac
  local first = shop .. '\t' .. topic .. '\t' .. destroys .. '\t1'
  if call('SET', key, first, 'NX', 'EX', C.guard_s) then return 'new' end
  local known = call('GET', key)
  local owner, rest = known:match('^([^\t]*)(.*)$')
  if owner ~= shop then return 'suspect' end
  local out, found, harm = owner, false, destroys == '1'
  for name, kills, seen in rest:gmatch('\t([^\t]*)\t([^\t]*)\t(%d+)') do
    seen = tonumber(seen)
    if name == topic then
      found = true
      if seen >= MOST_SEEN then return 'replayed' end
      seen = seen + 1
    elseif kills == '1' then
      harm = true
    end
    out = out .. '\t' .. name .. '\t' .. kills .. '\t' .. seen
  end
  if not found then
    if harm then return 'suspect' end
    out = out .. '\t' .. topic .. '\t' .. destroys .. '\t1'
  end
  call('SET', key, out, 'KEEPTTL')
  return 'new'
end

local accepted_at = string.format('%013d', now)

local function join_line(shop, id, area, crc)
  call('RPUSH', K.line .. area .. '/' .. shop, id)
  local p = crc % C.partitions
  if call('HSETNX', K.place .. area, shop, 'r' .. p) == 1 then
    call('RPUSH', K.ready .. area .. '/' .. p, shop)
    wake(area, p)
  end
end

local function accept(shop, id, area, topic, destroys, mac, crc, record)
  local ref = shop .. '/' .. id
  if control[3] == '1' then
    if call('EXISTS', K.record .. ref) == 1 then count('duplicate') return 'D' end
    return 'F'
  end
  if not call('SET', K.record .. ref, record, 'NX') then count('duplicate') return 'D' end
  -- Over the zeros, because joining strings copies the body once more: 5 of 18 us per webhook.
  call('SETRANGE', K.record .. ref, 0, accepted_at)
  if mac ~= '' then
    local seen = guard(mac, shop, topic, destroys)
    if seen == 'replayed' then
      call('DEL', K.record .. ref)
      count('replayed')
      return 'R'
    end
    if seen == 'suspect' then
      count('accepted:' .. area)
      die({ ref = ref, area = area, topic = topic, accepted = now }, 'suspected_replay')
      return 'S'
    end
  end
  join_line(shop, id, area, crc)
  count('accepted:' .. area)
  return 'A'
end

local letters = {}
for i = 1, #ARGV, 8 do
  letters[#letters + 1] = accept(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6], ARGV[i + 7])
end
return answer(table.concat(letters))
