-- The lease of a partition: fields of its hash, without TTL, because keys with a TTL can be evicted.
-- owner (the drain's random name), token (from the one counter), turn, until (ms), by (the wake number
-- it drains with), shops: names between \n, batch: 'shop \t id \t accepted \t topic \n' per webhook.

local LEASE = { 'owner', 'token', 'turn', 'until', 'shops', 'batch', 'by', 'wake' }

local function read_lease(key)
  local values = call('HMGET', key, unpack(LEASE))
  local lease = {}
  for i, name in ipairs(LEASE) do lease[name] = values[i] or nil end
  return lease
end

local function clear_lease(key)
  call('HDEL', key, 'owner', 'token', 'turn', 'until', 'shops', 'batch', 'by')
end

-- Calls each(w) for every webhook of a leased batch, in order.
local function each_leased(lease, area, each)
  for shop, id, accepted, topic in lease.batch:gmatch('([^\t\n]+)\t([^\t\n]+)\t(%d+)\t([^\n]*)\n') do
    each({ ref = shop .. '/' .. id, shop = shop, id = id, area = area, topic = topic, accepted = accepted })
  end
end

-- Calls each(name) for every shop of a lease, also for one of which no webhook was taken.
local function each_shop(lease, each)
  for shop in lease.shops:gmatch('[^\n]+') do each(shop) end
end

-- The holder died: its webhooks go solo at once, its shops go back, the lease is free.
-- The caller wakes when this leaves work, and clears the mark when it leaves none.
local function recover(key, lease, area)
  count('leases_recovered')
  each_leased(lease, area, crash)
  clear_lease(key)
  each_shop(lease, function(shop) return_shop(area, shop, nil, nil, false) end)
end
