-- The lease of a partition: fields of its hash, without TTL, because keys with a TTL can be evicted.
-- owner (the drain's random name), token (from the one counter), turn, until (ms), shop, by (the wake
-- number it drains with), batch: 'id \t accepted \t topic \n' per webhook.

local LEASE = { 'owner', 'token', 'turn', 'until', 'shop', 'batch', 'by', 'wake' }

local function read_lease(key)
  local values = call('HMGET', key, unpack(LEASE))
  local lease = {}
  for i, name in ipairs(LEASE) do lease[name] = values[i] or nil end
  return lease
end

local function clear_lease(key)
  call('HDEL', key, 'owner', 'token', 'turn', 'until', 'shop', 'batch', 'by')
end

-- Calls each(w) for every webhook of a leased batch, in order.
local function each_leased(lease, area, each)
  for id, accepted, topic in lease.batch:gmatch('([^\t\n]+)\t(%d+)\t([^\n]*)\n') do
    each({ ref = lease.shop .. '/' .. id, id = id, area = area, topic = topic, accepted = accepted })
  end
end

-- The holder died: its webhooks go solo at once, its shop goes back, the lease is free.
-- The caller wakes when this leaves work, and clears the mark when it leaves none.
local function recover(key, lease, area)
  each_leased(lease, area, crash)
  clear_lease(key)
  return_shop(area, lease.shop, nil, nil, false)
end
