-- Take a customer out of webhooks: a body that speaks of them is replaced by one that does not.
-- KEYS: none (built from K; one primary, no cluster).
-- ARGV: 3 per webhook: ref, SHA-1 (hex) of the record (or of the kept body) as it was read, and the
--   record to stand in its place (the same head, another body).
-- Returns one letter per webhook: R replaced where it waits, travels or is leased; D replaced in a
--   dead letter; K it is settled, and the body that was kept of it is deleted; G it is not what was
--   read any more (settled without its body, deleted, or replaced by another): nothing changed.
-- Atomic because it may be settled, and its body kept, between the reading and the replacing.
--@include _past_full
--@include _clock

local function redact(ref, sha, record)
  local found = call('GET', K.record .. ref)
  if found and redis.sha1hex(found) == sha then
    call('SET', K.record .. ref, record)
    -- What a handler raised may quote the body.
    local trouble = K.trouble .. ref
    if call('HEXISTS', trouble, 'error') == 1 then call('HSET', trouble, 'error', 'redacted') end
    return call('HGET', trouble, 'state') == 'dead' and 'D' or 'R'
  end
  local kept = call('GET', K.body .. ref)
  if kept and redis.sha1hex(kept) == sha then
    call('DEL', K.body .. ref)
    return 'K'
  end
  return 'G'
end

local letters = {}
for i = 1, #ARGV, 3 do letters[#letters + 1] = redact(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return table.concat(letters)
