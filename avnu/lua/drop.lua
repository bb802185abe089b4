-- Delete dead letters. Their ids stay known, so that a late delivery is still a duplicate.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: refs ('<shop>/<webhook id>'), at most a few hundred per call.
-- Returns one letter per ref: X deleted, G not dead.
-- Atomic because the accounts must add up at every instant.
--@include _past_full
--@include _clock
--@include _fate

local letters = {}
for i, ref in ipairs(ARGV) do
  local f = call('HMGET', K.trouble .. ref, 'state', 'area', 'topic', 'accepted')
  if f[1] == 'dead' then
    drop({ ref = ref, area = f[2], topic = f[3], accepted = f[4] })
    letters[i] = 'X'
  else
    letters[i] = 'G'
  end
end
return answer(table.concat(letters))
