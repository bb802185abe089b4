-- What becomes of one webhook. `w` is {ref, area, topic, accepted} (accepted in ms).
--@include _lag

-- Done ('d') or superseded ('u'): what stays is the deduplication key and the outcome.
local function settle(w, outcome)
  if C.keep_body_s > 0 then
    local record = call('GET', K.record .. w.ref)
    if record then call('SET', K.body .. w.ref, record, 'EX', C.keep_body_s) end
  end
  local lag_ms = now - w.accepted
  call('SET', K.record .. w.ref, '=' .. outcome .. w.accepted .. '+' .. lag_ms .. ' ' .. w.topic, 'EX', C.ttl_s)
  count_lag(w.area, lag_ms)
  count((outcome == 'd' and 'done:' or 'superseded:') .. w.area)
end

-- On its own from now on: due at `due` (ms), as a Celery task that the tick publishes. `set` is where
-- it waits, solo when not told; a suspect always waits among the suspects.
local function go_solo(w, due, set)
  local key = K.trouble .. w.ref
  call('HSET', key, 'area', w.area, 'topic', w.topic, 'accepted', w.accepted, 'state', 'solo', 'due', due, 'pubs', 0)
  local suspect = call('HGET', key, 'suspect') == '1'
  call('ZADD', suspect and K.suspects or set or K.solo, due, w.ref)
end

local function die(w, cause)
  call('HSET', K.trouble .. w.ref, 'area', w.area, 'topic', w.topic, 'accepted', w.accepted,
    'state', 'dead', 'cause', cause, 'died', now)
  call('ZADD', K.dead, now, w.ref)
  count('dead:' .. w.area .. ':' .. cause)
end

-- A dead letter is deleted: its id stays known for the time of deduplication.
local function drop(w)
  call('SET', K.record .. w.ref, '=x' .. w.accepted .. '+' .. (now - w.accepted) .. ' ' .. w.topic, 'EX', C.ttl_s)
  call('DEL', K.trouble .. w.ref)
  call('ZREM', K.dead, w.ref)
  count('deleted:' .. w.area)
end

-- A run of its own raised. QUEUE_ATTEMPTS counts runs in total; the delay after run n is
-- backoff * 2^(n-1), as BullMQ has it, times 1 + jitter.
local function fail(w, reason, jitter)
  local key = K.trouble .. w.ref
  local fails = call('HINCRBY', key, 'fails', 1)
  call('HSET', key, 'error', reason)
  if fails >= C.attempts then return die(w, 'attempts') end
  count('retries:' .. w.area)
  go_solo(w, now + math.floor(C.backoff_ms * 2 ^ math.min(fails - 1, 30) * (1 + jitter)))
end

-- No running worker knew its handler: asked again each minute for a while, because deploys roll. The
-- asking counts, not the time: nobody may have been there to ask.
local function unhandled(w)
  local asked = call('HINCRBY', K.trouble .. w.ref, 'unhandled', 1)
  if (asked - 1) * 60000 >= C.unhandled_ms then return die(w, 'unhandled') end
  go_solo(w, now + 60000)
end

-- Its lease ended without an answer. The first crash sends it solo, the second makes it a suspect
-- (one runs at a time in the whole inbox), and only crashes as a lone suspect count.
local function crash(w)
  local key = K.trouble .. w.ref
  local seen = call('HMGET', key, 'crashed', 'suspect')
  if seen[2] == '1' then
    if call('HINCRBY', key, 'lone', 1) >= C.attempts then return die(w, 'poison') end
  elseif seen[1] == '1' then
    call('HSET', key, 'suspect', 1)
  else
    call('HSET', key, 'crashed', 1)
  end
  go_solo(w, now)
end

-- The verdicts that end or move one webhook. Leaving it ('B') is the caller's business.
local function decide(w, verdict, reason, jitter)
  if verdict == 'D' then settle(w, 'd')
  elseif verdict == 'U' then settle(w, 'u')
  elseif verdict == 'F' then fail(w, reason, jitter)
  elseif verdict == 'X' then
    call('HSET', K.trouble .. w.ref, 'error', reason)
    die(w, 'rejected')
  elseif verdict == 'G' then
    call('HSET', K.trouble .. w.ref, 'error', reason)
    go_solo(w, now)
  elseif verdict == 'N' then unhandled(w)
  end
end

-- accepted (ms as text) and topic from the head of a record; nil when it is none that waits.
local function head(record)
  return record:match('^(%d+)\t[^\t\n]*\t([^\t\n]*)')
end
