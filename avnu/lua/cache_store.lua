-- Store what was loaded, unless it is outdated already, and give the lease back.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 shop, 2 '<kind>/<shop>/<id>', 3 owner, 4 entry: heading and value (avnu/cache/entry.py).
-- Returns S stored; O outdated: one of its tags was invalidated after the load began; N not stored
--   because a newer one is there; M not stored because the server is too full.
-- Atomic because an invalidation between the look and the write would be lost.
local shop = ARGV[1]
--@include _cache_marks

local entry_key, lease_key = K.cache_entry .. ARGV[2], K.cache_lease .. ARGV[2]
local lease = call('GET', lease_key)
if lease and lease:match('^%S+') == ARGV[3] then call('DEL', lease_key) end

local head = heading(ARGV[4])
if call('HGET', marks, 'epoch') ~= head.epoch or marked(head.tags, head.began) then return 'O' end

local there = call('GET', entry_key)
there = there and heading(there)
if there and there.epoch == head.epoch and not marked(there.tags, there.began) then
  if there.version > head.version then return 'N' end
  if there.version == head.version and there.started > head.started then return 'N' end
end

-- Inbox and cache may share a server: it is the cache that must leave room.
if C.full_percent < 100 then
  local info = call('INFO', 'memory')
  local most = tonumber(info:match('maxmemory:(%d+)'))
  if most and most > 0 and tonumber(info:match('used_memory:(%d+)')) * 100 >= most * C.full_percent then
    return 'M'
  end
end

local left = head.keep - math.max(0, now - head.started)
if left <= 0 then return 'O' end
call('SET', entry_key, ARGV[4], 'PX', left)
-- Longer than the entry, as an entry without marks is outdated.
if call('PTTL', marks) < left + C.lease_ms then call('PEXPIRE', marks, left + C.marks_ms) end
return 'S'
