-- Shared opening of every script: the inbox's time, the control flags, the counters.
-- Time is the server's own plus an offset kept beside the data: the tick absorbs backward steps
-- of the server's clock into the offset, and tests move time with it. Until it has, time stands still
-- at the last tick: a lease given in between must not have ended when the step is absorbed.
local call = redis.call
local clock = call('TIME')
local control = call('HMGET', K.control, 'offset', 'ticked', 'full', 'pauses', 'memory')
local measured = clock[1] * 1000 + math.floor(clock[2] / 1000) + tonumber(control[1] or 0)
local ticked = tonumber(control[2] or measured)
local now = math.max(measured, ticked)
-- Without a tick for 5 s (or half a lease) nobody could renew, so an expired lease proves no crash.
local gap = now - ticked > C.gap_ms

-- Is 'area:<area>', 'topic:<topic>' or 'shop:<shop>' paused by the operator?
local function is_paused(what)
  return control[4] == '1' and call('SISMEMBER', K.paused, what) == 1
end

-- Counters are gathered here and written once, by answer(): one HINCRBY per name, not per webhook.
local tally = {}
local function count(name, n)
  tally[name] = (tally[name] or 0) + (n or 1)
end
local function answer(reply)
  for name, n in pairs(tally) do call('HINCRBY', K.counts, name, n) end
  return reply
end
