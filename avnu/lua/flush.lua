-- Add the counters that a process gathered and note the memory, once a second per process.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: counter name, how many, counter name, how many, …
--   'kept' (deliveries that are in the inbox) also notes that Shopify was heard of.
-- Returns 1 when the inbox is full, else 0. Atomic so that a batch of counters is added once.
--@include _past_full
--@include _clock
--@include _memory

for i = 1, #ARGV, 2 do
  call('HINCRBY', K.counts, ARGV[i], ARGV[i + 1])
  if ARGV[i] == 'kept' then call('HSET', K.heard, 'received', now) end
end
return note_memory() and 1 or 0
