-- The operator's word: force a breaker open or closed, or let it decide by itself again.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 breaker, 2 'open' | 'closed' | 'half-open' (probe now, no override) | 'auto'.
-- Returns { state, generation, ms until it may change by itself, override, state before, override before }.
-- 'auto' after forced open goes on half-open: what was shut by hand is probed before all may call.
-- Atomic because a report between look and write could undo the operator's word.
--@include _now
--@include _breaker

load_breaker(ARGV[1])
local word, was = ARGV[2], brk.forced
if word == 'auto' then
  brk.forced = ''
  if was == 'open' then
    turn('half-open', C.probe_ms)
  elseif was == 'closed' then
    turn('closed', 0)
  end
elseif word == 'half-open' then
  brk.forced = ''
  turn('half-open', C.probe_ms)
elseif word ~= was then
  brk.forced, brk.row = word, 0
  turn(word, 0)
end
local reply = breaker_reply()
reply[6] = was
return reply
