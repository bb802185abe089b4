-- A webhook that travels alone waits in one set, scored with the ms when it is looked at next; its
-- lease is fields of its trouble hash, the lease's end stands in `running`.

-- The webhook when this owner and token still hold it, else nil.
local function running_webhook(shop, id, owner, token)
  local ref = shop .. '/' .. id
  local f = call('HMGET', K.trouble .. ref, 'state', 'owner', 'token', 'area', 'topic', 'accepted')
  if f[1] ~= 'running' or f[2] ~= owner or f[3] ~= token then return nil end
  return { ref = ref, id = id, area = f[4], topic = f[5], accepted = f[6] }
end

-- It waits no longer.
local function leave_solo(ref)
  for _, set in ipairs({ K.solo, K.replays, K.suspects, K.stopped }) do call('ZREM', set, ref) end
end

-- Its run is over, whatever follows.
local function leave_running(w)
  call('ZREM', K.running, w.ref)
  call('HDEL', K.trouble .. w.ref, 'owner', 'token')
  if call('GET', K.suspect) == w.ref then call('DEL', K.suspect) end
end
