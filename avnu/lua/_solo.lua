-- The lease of a webhook that runs alone: fields of its trouble hash, its end in `running`.

-- The webhook when this owner and token still hold it, else nil.
local function running_webhook(shop, id, owner, token)
  local ref = shop .. '/' .. id
  local f = call('HMGET', K.trouble .. ref, 'state', 'owner', 'token', 'area', 'topic', 'accepted')
  if f[1] ~= 'running' or f[2] ~= owner or f[3] ~= token then return nil end
  return { ref = ref, id = id, area = f[4], topic = f[5], accepted = f[6] }
end

-- Its run is over, whatever follows.
local function leave_running(w)
  call('ZREM', K.running, w.ref)
  call('HDEL', K.trouble .. w.ref, 'owner', 'token')
  if call('GET', K.suspect) == w.ref then call('DEL', K.suspect) end
end
