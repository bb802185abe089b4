-- Shared by the cache's scripts, which set `shop` first: the server's time, the invalidations of the
-- shop, the heading of an entry.
--
-- The marks of a shop: `epoch`, a word that is new whenever the hash is; `seq`, how many
-- invalidations the epoch has seen; '#<tag>', the seq of that tag's last one. What was loaded is good
-- while the epoch is the one in which its load began and no tag of it has a later seq than then. So
-- losing the hash (expired, evicted, deleted) makes everything of the shop outdated, never valid.
local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local marks = K.cache_marks .. shop

-- Was one of `tags` ('a b c') invalidated after the `began`-th invalidation of this epoch?
local function marked(tags, began)
  local fields = {}
  for tag in tags:gmatch('%S+') do fields[#fields + 1] = '#' .. tag end
  if #fields == 0 then return false end
  for _, seq in ipairs(call('HMGET', marks, unpack(fields))) do
    if seq and tonumber(seq) > began then return true end
  end
  return false
end

-- The heading of an entry, as avnu/cache/entry.py writes it: what the scripts must know of it.
-- Times in ms: `started` is the server's time, the others are lengths. nil for what is no entry.
local function heading(entry)
  local epoch, began, started, fresh, keep, cost, version, form, tags = entry:match(
    '^1\t([^\t\n]*)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t(%a)\t([^\n]*)\n')
  if not epoch then return nil end
  return {
    epoch = epoch, began = tonumber(began), started = tonumber(started), fresh = tonumber(fresh),
    keep = tonumber(keep), cost = tonumber(cost), version = tonumber(version), form = form,
    tags = tags,
  }
end
