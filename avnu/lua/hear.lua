-- Note that something was heard of now, by the inbox's time.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 what: 'canary'.
-- Returns the ms that were noted. Atomic so that time and note are one moment.
--@include _clock

call('HSET', K.heard, ARGV[1], now)
return now
