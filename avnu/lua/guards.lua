-- One guarded API call: takes along what earlier calls of this process brought, then asks breaker and
-- budget whether the next may go. A probe's permit is taken only when the points are there too.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 breaker, 2 request id, 3 ms for which the caller knows the breaker as open (1 half-open, 0
--   closed), 4 number of outcomes, per outcome 14: generation, shop, '+' good '-' bad 'i' neither,
--   reservation id, query, actual, available, maximum, restore rate per s, age of the answer in ms,
--   requested, '1' THROTTLED, '1' the budget knows of it, the word it is counted by or ''; numbers
--   that are not known are empty; then, unless only outcomes are brought: shop, query, hint in points
--   (0 unknown), '1' bulk.
-- Returns { state, generation, ms until it may change by itself, override, state before, verdict,
--   wait in ms, points reserved as text }; verdict 'G' granted, 'B' budget, 'O' breaker, '-' not asked.
-- Asked again with the same request id it gives the same answer and counts nothing twice.
-- Atomic because reservation and permit come together or not at all, for all processes.
--@include _now
--@include _breaker
--@include _budget

local id, outcomes = ARGV[2], tonumber(ARGV[4])
load_breaker(ARGV[1])
restore(tonumber(ARGV[3]))
advance()

local counts = outcomes > 0 and first_time(id)
for i = 5, 4 + 14 * outcomes, 14 do
  local gen, shop, last, reservation, query, actual, available, maximum, rate, age_ms, requested,
    throttled, budgeted, counted = unpack(ARGV, i, i + 13)
  if counts then
    report(tonumber(gen), shop, last == '+' and 1 or 0, last == '-' and 1 or 0, last, reservation)
    if counted ~= '' then call('HINCRBY', K.api_counts, counted, 1) end
    if tonumber(actual) then call('HINCRBYFLOAT', K.api_counts, 'points', actual) end
  end
  if budgeted == '1' then
    use_budget(shop)
    settle({ id = reservation, query = query, actual = actual, available = available,
      maximum = maximum, rate = rate, age_ms = age_ms, requested = requested, throttled = throttled })
  end
end

local asked = 5 + 14 * outcomes
local verdict, wait_ms, reserved = '-', 0, 0
if ARGV[asked] then
  local shop = ARGV[asked]
  local refused_ms = refusal(shop, id)
  if refused_ms then
    verdict, wait_ms = 'O', refused_ms
  else
    use_budget(shop)
    local granted
    granted, wait_ms, reserved = reserve(id, ARGV[asked + 1], tonumber(ARGV[asked + 2]), ARGV[asked + 3] == '1')
    verdict = granted and 'G' or 'B'
    if granted then take_permit(shop, id) end
  end
end
save_budget()
local reply = breaker_reply()
reply[6], reply[7], reply[8] = verdict, wait_ms, tostring(reserved)
return reply
