-- Webhooks of paused topics: turns set them aside, shop by shop, so that the others go on. Resuming a
-- topic puts all of them back in front of their shop's line, in order; what is still paused is set
-- aside again by the next turn.

local function hold(area, shop, p, id)
  call('RPUSH', K.held .. area .. '/' .. shop, id)
  call('HSET', K.holders, area .. '/' .. shop, p)
end

-- Put one shop's held webhooks back in front of its line.
local function release_shop(entry)
  local area, shop = entry:match('^(.*)/(.*)$')
  local held, line, p = K.held .. entry, K.line .. entry, call('HGET', K.holders, entry)
  if not p then return end
  while call('LMOVE', line, held, 'LEFT', 'RIGHT') do end
  call('RENAME', held, line)
  call('HDEL', K.holders, entry)
  if not read_place(area, shop) then set_ready(area, shop, { p = p }) end
end

-- The same for up to `most` shops. One that is leased waits for its next turn: what the turn in
-- progress leaves goes to the front of the line, and what was held back is older.
local function release_held(most)
  if call('EXISTS', K.releasing) == 0 then return end
  for _, entry in ipairs(call('SPOP', K.releasing, most)) do
    local area, shop = entry:match('^(.*)/(.*)$')
    local place = read_place(area, shop)
    if place and (place.at == 'l' or place.at == 'n') then
      call('SADD', K.releasing, entry)
    else
      release_shop(entry)
    end
  end
end

-- A topic was resumed: every shop with held webhooks is looked at, a bounded number at a time.
local function release_all_held()
  for _, entry in ipairs(call('HKEYS', K.holders)) do call('SADD', K.releasing, entry) end
end
