-- Read an entry; when a load is due, grant it to one caller.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 shop, 2 '<kind>/<shop>/<id>', 3 owner: a word that no other call uses, 4 least version,
--   5 greatest age in ms that is fresh enough ('' for the entry's own), 6 draw: minus the logarithm of
--   a random number, which makes a load due `cost * draw` ms before the entry stops being fresh,
--   7 tags that are known before the load ('a b').
-- Returns {verdict, hold_ms, epoch, seq, now_ms, entry}. `entry` is '' where none may be served; epoch,
--   seq and now_ms belong to the load that may begin now. Verdicts, with what hold_ms says:
--   F fresh: how long a process may keep it without asking again;
--   L load it: the lease is the owner's (0);
--   W another loads it: what is left of its lease; `entry` may be served instead of waiting;
--   T the last load failed: `entry` is to be served, for that long.
-- Atomic because of all that find an entry missing exactly one must be told to load it.
local shop = ARGV[1]
--@include _cache_marks

local HOLD_MS = 100 -- of a value that somebody is about to replace
local entry_key, lease_key = K.cache_entry .. ARGV[2], K.cache_lease .. ARGV[2]
local owner, least, greatest_age = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]) or math.huge

local known = call('HMGET', marks, 'epoch', 'seq')
local epoch, seq = known[1], tonumber(known[2] or 0)
if not epoch then
  epoch, seq = owner, 0
  call('HSET', marks, 'epoch', epoch, 'seq', 0)
  call('PEXPIRE', marks, C.marks_ms)
end

local entry, head = call('GET', entry_key) or '', nil
if entry ~= '' then
  head = heading(entry)
  if not head or head.epoch ~= epoch or marked(head.tags, head.began) then
    call('DEL', entry_key)
    entry, head = '', nil
  elseif head.version < least then
    entry, head = '', nil
  end
end

-- An age below zero: the server's clock was set back. Then nobody knows the age, and a load is due.
local fresh, left = false, 0
if head then
  local age = now - head.started
  left = math.min(head.fresh, greatest_age) - age
  fresh = age >= 0 and left > 0
  if fresh and left > head.cost * tonumber(ARGV[6]) then
    return { 'F', math.floor(left - head.cost * tonumber(ARGV[6])), epoch, seq, now, entry }
  end
end

local lease = call('GET', lease_key)
if lease then
  local remaining = call('PTTL', lease_key)
  if lease == 'failed' then
    if fresh then return { 'F', math.min(left, HOLD_MS), epoch, seq, now, entry } end
    if head then return { 'T', remaining, epoch, seq, now, entry } end
  else
    -- A load that began before an invalidation will not be stored: nobody waits for it.
    local lease_epoch, lease_seq = lease:match('^%S+ (%S+) (%d+)$')
    if lease_epoch == epoch and not marked(ARGV[7], tonumber(lease_seq)) then
      if fresh then return { 'F', math.min(left, HOLD_MS), epoch, seq, now, entry } end
      return { 'W', remaining, epoch, seq, now, entry }
    end
  end
end
call('SET', lease_key, owner .. ' ' .. epoch .. ' ' .. seq, 'PX', C.lease_ms)
return { 'L', 0, epoch, seq, now, entry }
