-- Replay dead letters: each becomes a task of its own again, nothing of its past counted; a suspect
-- stays one, so that it runs alone. A webhook that waits out a retry delay is made due at once.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: refs ('<shop>/<webhook id>'), at most a few hundred per call.
-- Returns one letter per ref: R replayed, N made due now, G not dead and not waiting alone.
-- Atomic because a letter must leave `dead` and stand in the solo set at the same instant.
--@include _past_full
--@include _clock
--@include _fate
--@include _solo

local function replay(ref)
  local key = K.trouble .. ref
  local f = call('HMGET', key, 'state', 'area', 'topic', 'accepted')
  local w = { ref = ref, area = f[2], topic = f[3], accepted = f[4] }
  if f[1] == 'solo' then
    leave_solo(ref)
    go_solo(w, now)
    return 'N'
  end
  if f[1] ~= 'dead' then return 'G' end
  call('ZREM', K.dead, ref)
  call('HDEL', key, 'fails', 'lone', 'unhandled', 'parked', 'parks', 'cause', 'died')
  count('revived:' .. w.area)
  go_solo(w, now, K.replays)
  return 'R'
end

local letters = {}
for i, ref in ipairs(ARGV) do letters[i] = replay(ref) end
return answer(table.concat(letters))
