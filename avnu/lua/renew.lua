-- Renew a lease while its handler runs. The caller stops at the handler's own deadline.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 'part' or 'solo', 2 '<area>/<number>' or '<shop>/<webhook id>', 3 owner, 4 token.
-- Returns 1 renewed, 0 the lease is another's.
-- Atomic because a lease that changed hands between the look and the write must not be renewed.
--@include _past_full
--@include _clock

local key = (ARGV[1] == 'part' and K.part or K.trouble) .. ARGV[2]
local held = call('HMGET', key, 'owner', 'token')
if held[1] ~= ARGV[3] or held[2] ~= ARGV[4] then return 0 end
if ARGV[1] == 'part' then
  call('HSET', key, 'until', now + C.lease_ms)
else
  call('ZADD', K.running, now + C.lease_ms, ARGV[2])
end
return 1
