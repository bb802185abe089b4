-- Make what is cached of a shop outdated, everywhere: entries, loads under way, every process.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 shop, 2 message for the processes, 3 message that the whole shop is outdated,
--   4… tags; none for the whole shop.
-- Returns how many processes were told.
-- Atomic because between mark and message nobody may read the old entry and keep it.
local call = redis.call
local key = K.cache_marks .. ARGV[1]
local message = ARGV[2]
-- A write that frees nothing: after it a full server lets the others through (see _past_full).
call('HDEL', key, 'none')
if #ARGV == 3 then
  call('DEL', key)
elseif call('EXISTS', key) == 1 then
  local seq = call('HINCRBY', key, 'seq', 1)
  for i = 4, #ARGV do call('HSET', key, '#' .. ARGV[i], seq) end
  -- A shop that was edited as a whole: forgetting all of it is cheaper than remembering each tag.
  if call('HLEN', key) > C.tags_per_shop then
    call('DEL', key)
    message = ARGV[3]
  end
end
return call('PUBLISH', K.cache_channel, message)
