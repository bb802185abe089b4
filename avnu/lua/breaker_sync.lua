-- The breaker alone: brings what calls came to, and learns the state; perhaps asks for one call.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 breaker, 2 request id, 3 ms for which the caller knows the breaker as open (1 half-open, 0
--   closed), 4 number of reports, per report 6: generation, shop ('' none), good calls, bad calls,
--   the last of them '+' '-' or 'i', permit id; then, when one call asks: its shop.
-- Returns { state, generation, ms until it may change by itself, override, state before, verdict,
--   wait in ms }; verdict 'G' may go (in half-open with the permit named like the request), 'O' not, '-'.
-- Asked again with the same request id it counts nothing twice and gives no second permit.
-- Atomic because permits are few, and two processes must not trip it twice.
--@include _now
--@include _breaker

local id, reports = ARGV[2], tonumber(ARGV[4])
load_breaker(ARGV[1])
restore(tonumber(ARGV[3]))
advance()
if reports > 0 and first_time(id) then
  for i = 5, 4 + 6 * reports, 6 do
    report(tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 5])
  end
end
local verdict, wait_ms, shop = '-', 0, ARGV[5 + 6 * reports]
if shop then
  wait_ms = refusal(shop, id)
  verdict = wait_ms and 'O' or 'G'
  if not wait_ms then take_permit(shop, id) end
end
local reply = breaker_reply()
reply[6], reply[7] = verdict, wait_ms or 0
return reply
