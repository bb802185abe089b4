-- Give a lease back after a load that failed.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 '<kind>/<shop>/<id>', 2 owner, 3 for how many ms nobody shall try again while there is a
--   value to serve; 0 lets the next caller try.
-- Returns 1 given back, 0 the lease is another's by now.
-- Atomic because a lease that changed hands between the look and the write must not be touched.
local key = K.cache_lease .. ARGV[1]
local lease = redis.call('GET', key)
if not lease or lease:match('^%S+') ~= ARGV[2] then return 0 end
if tonumber(ARGV[3]) > 0 then
  redis.call('SET', key, 'failed', 'PX', ARGV[3])
else
  redis.call('DEL', key)
end
return 1
