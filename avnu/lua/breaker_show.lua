-- A breaker as it is now, with its window; writes nothing.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 breaker.
-- Returns { state, generation, ms until it may change by itself, override, state before (the same),
--   unix ms of the last turn, openings in a row, good calls, bad calls, shops seen, shops failing,
--   probes given, probes good, probes bad }.
-- A script because the window ends at the server's time.
--@include _now
--@include _breaker

load_breaker(ARGV[1])
local reply, name = breaker_reply(), brk.name
local since, good, bad = now - C.window_s * 1000, 0, 0
local found = call('HGETALL', K.breaker_window .. name)
for i = 1, #found, 2 do
  if tonumber(found[i]:sub(1, -2)) > math.floor(now / 1000) - C.window_s then
    if found[i]:sub(-1) == '-' then bad = bad + found[i + 1] else good = good + found[i + 1] end
  end
end
local probes = call('HMGET', K.breaker_probes .. name, 'given', 'for', 'against')
local more = { brk.since, brk.row, good, bad, call('ZCOUNT', K.breaker_seen .. name, '(' .. since, '+inf'),
  call('ZCOUNT', K.breaker_bad .. name, '(' .. since, '+inf'), tonumber(probes[1] or 0),
  tonumber(probes[2] or 0), tonumber(probes[3] or 0) }
for _, value in ipairs(more) do reply[#reply + 1] = value end
return reply
