-- A shop's budget as it is now; writes nothing.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 shop.
-- Returns { points, capacity, restore rate per s, reserved points, trust in the rate 0 to 1, points a
--   bulk call waits for } as texts, then the number of reservations; empty texts before any answer.
-- A script because the points grow with the server's time.
--@include _now
--@include _budget

load_budget(ARGV[1])
local function text(value) return value and tostring(value) or '' end
return { text(b.points), text(b.capacity), text(b.rate), text(b.out), text(b.factor),
  b.want_until > now and text(b.want) or '0', call('ZCOUNT', b.leases, '(' .. now, '+inf') }
