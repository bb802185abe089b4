-- The histogram of the lag: from accepted to settled, in buckets whose bounds are those of
-- avnu/inbox/buckets.py. A chain, because a table would be built at each call of a script.

local function lag_bound(ms)
  if ms <= 100 then return '0.1' end
  if ms <= 500 then return '0.5' end
  if ms <= 1000 then return '1.0' end
  if ms <= 2500 then return '2.5' end
  if ms <= 5000 then return '5.0' end
  if ms <= 10000 then return '10.0' end
  if ms <= 30000 then return '30.0' end
  if ms <= 60000 then return '60.0' end
  if ms <= 300000 then return '300.0' end
  if ms <= 1800000 then return '1800.0' end
  if ms <= 3600000 then return '3600.0' end
  if ms <= 21600000 then return '21600.0' end
  if ms <= 86400000 then return '86400.0' end
  return '+Inf'
end

local function count_lag(area, ms)
  local name = 'lag:' .. area
  count(name .. ':le:' .. lag_bound(ms))
  count(name .. ':ms', ms)
end
