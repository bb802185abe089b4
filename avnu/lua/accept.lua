-- Accept a group of webhooks: deduplicate, guard against replays, store, and wake.
-- Atomic because a webhook must never be stored without standing in a line, nor a shop be ready
-- without a wake-up; and because two deliveries of one id may arrive at once.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 9 per webhook: shop (short name), webhook id, area, topic, '1' when the topic destroys
--   something else '0', 14 bytes of the MAC or '' (body under 64 bytes: no guard), 8 bytes of the
--   shop's digest and 3 of the topic's, crc32 of the shop,
--   record ('0000000000000 \t <area> \t <topic> \t … \n <body>': the zeros become the time of acceptance).
-- Returns one letter per webhook: A accepted, D duplicate, R replayed (not kept),
--   S suspected replay (kept as dead), F inbox full (not kept).
--@include _clock
--@include _wake
--@include _shop
--@include _fate
--@include _memory

-- In a second a flood can fill all that INBOX_FULL_PERCENT leaves, and a worker cannot even start on
-- a server without any room. INFO costs some 50 us, so it is asked 20 times a second at most.
local NOTE_EVERY_MS = 50

-- More deliveries than this of the same signed bytes for one shop and topic are a replay.
local MOST_SEEN = 10

-- Guards stand in small hashes, some thousand per period of INBOX_REPLAY_GUARD_SECONDS, which Redis
-- keeps compact: 70 bytes per webhook, where a key of its own costs 130.
local period = math.floor(now / 1000 / C.guard_s)
local function guards_of(mac, back)
  return K.guard .. (period - back) .. ':' .. mac:byte(1) * 16 + math.floor(mac:byte(2) / 16)
end

-- 'new', 'replayed' or 'suspect'. A guard is 8 bytes of shop, then 5 per topic: 3 of its name, '1' when
-- it destroys something else '0', and a byte that counts.
local function guard(mac, who, destroys)
  local field, shop, topic = mac:sub(3), who:sub(1, 8), who:sub(9)
  local key = guards_of(mac, 0)
  if call('HSETNX', key, field, who .. destroys .. '\1') == 1 then
    if call('HLEN', key) == 1 then call('EXPIRE', key, 2 * C.guard_s) end
    local before = call('HGET', guards_of(mac, 1), field)
    if not before then return 'new' end
    call('HSET', key, field, before)
  end
  local known = call('HGET', key, field)
  if known:sub(1, 8) ~= shop then return 'suspect' end
  local harm, found = destroys == '1', nil
  for at = 9, #known, 5 do
    if known:sub(at, at + 2) == topic then found = at
    elseif known:sub(at + 3, at + 3) == '1' then harm = true end
  end
  if not found then
    if harm then return 'suspect' end
    call('HSET', key, field, known .. topic .. destroys .. '\1')
    return 'new'
  end
  local seen = known:byte(found + 4)
  if seen >= MOST_SEEN then return 'replayed' end
  call('HSET', key, field, known:sub(1, found + 3) .. string.char(seen + 1) .. known:sub(found + 5))
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

local function accept(shop, id, area, topic, destroys, mac, who, crc, record)
  local ref = shop .. '/' .. id
  if control[3] == '1' then
    if call('EXISTS', K.record .. ref) == 1 then count('duplicate') return 'D' end
    return 'F'
  end
  if not call('SET', K.record .. ref, record, 'NX') then count('duplicate') return 'D' end
  -- Over the zeros, because joining strings copies the body once more: 5 of 18 us per webhook.
  call('SETRANGE', K.record .. ref, 0, accepted_at)
  if mac ~= '' then
    local seen = guard(mac, who, destroys)
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

if control[3] ~= '1' and now - tonumber(control[5] or 0) >= NOTE_EVERY_MS then
  control[3] = note_memory() and '1' or '0'
end
local letters = {}
for i = 1, #ARGV, 9 do
  letters[#letters + 1] = accept(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6],
    ARGV[i + 7], ARGV[i + 8])
end
return answer(table.concat(letters))
