-- Delete webhooks of a shop that is to be forgotten, whatever became of them: those in its lines, and
-- those named. Each dies of the cause 'erased' and is deleted at once; its id stays known, so that a
-- late delivery is still a duplicate.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 1 shop (short name), 2 how many to take out of lines at most, 3 number of areas, then the
--   areas; then ids of webhooks that are not in a line, at most a few hundred per call.
-- Returns {how many were taken out of lines, a letter per id}: X deleted; K it was settled, and the
--   body that was kept of it is deleted; L a run holds it, its body is emptied; G there is nothing.
-- Atomic because the accounts must add up at every instant, and because a webhook that is taken out of
-- its line must not be looked for there by a turn.
--@include _past_full
--@include _clock
--@include _fate
--@include _solo

local shop, most, areas = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local function erase(w)
  call('DEL', K.body .. w.ref)
  die(w, 'erased')
  drop(w)
end

local function take_out(key, area)
  local taken = 0
  for _, id in ipairs(call('LPOP', key, most) or {}) do
    local ref = shop .. '/' .. id
    local accepted, topic = head(call('GET', K.record .. ref) or '')
    if accepted then
      erase({ ref = ref, area = area, topic = topic, accepted = tonumber(accepted) })
      taken = taken + 1
    end
  end
  most = most - taken
  return taken
end

-- The lines of an area: that in which webhooks wait, and that of paused topics.
local function take_lines(area)
  local entry, taken = area .. '/' .. shop, 0
  if most > 0 then taken = take_out(K.line .. entry, area) end
  if most > 0 and call('EXISTS', K.held .. entry) == 1 then
    taken = taken + take_out(K.held .. entry, area)
    if call('EXISTS', K.held .. entry) == 0 then
      call('HDEL', K.holders, entry)
      call('SREM', K.releasing, entry)
    end
  end
  return taken
end

local function erase_one(id)
  local ref = shop .. '/' .. id
  local record = call('GET', K.record .. ref)
  local accepted, topic = head(record or '')
  if not accepted then return call('DEL', K.body .. ref) == 1 and 'K' or 'G' end
  local trouble = call('HMGET', K.trouble .. ref, 'state', 'area')
  if trouble[1] == 'dead' then
    drop({ ref = ref, area = trouble[2], topic = topic, accepted = tonumber(accepted) })
    return 'X'
  end
  if trouble[1] == 'solo' then
    leave_solo(ref)
    erase({ ref = ref, area = trouble[2], topic = topic, accepted = tonumber(accepted) })
    return 'X'
  end
  call('SET', K.record .. ref, record:match('^[^\n]*\n'))
  return 'L'
end

local taken, letters = 0, {}
for i = 4, 3 + areas do taken = taken + take_lines(ARGV[i]) end
for i = 4 + areas, #ARGV do letters[#letters + 1] = erase_one(ARGV[i]) end
return answer({ taken, table.concat(letters) })
