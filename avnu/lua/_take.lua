-- Taking a batch: shop after shop from the ready list, until there is no room or no shop.
-- Part of turn.lua, whose area, p, part_key, ready_key, owner, token, number and release it uses.

-- Move webhooks from the shop's line to the batch, as long as there is room; at least one in all.
-- Returns how many left the line.
local function draw(shop, batch)
  local line, used = K.line .. area .. '/' .. shop, 0
  for _, id in ipairs(call('LRANGE', line, 0, C.batch - #batch.lines - 1)) do
    local record = call('GET', K.record .. shop .. '/' .. id)
    local accepted, topic
    if record then accepted, topic = head(record) end
    if not accepted then
      count('vanished:' .. area)
    elseif is_paused('topic:' .. topic) then
      hold(area, shop, p, id)
    else
      batch.bytes = batch.bytes + #record
      if #batch.lines > 0 and batch.bytes > C.batch_bytes then break end
      local n = #batch.found
      batch.found[n + 1], batch.found[n + 2], batch.found[n + 3] = shop, id, record
      batch.lines[#batch.lines + 1] = shop .. '\t' .. id .. '\t' .. accepted .. '\t' .. topic .. '\n'
    end
    used = used + 1
  end
  if used > 0 then call('LTRIM', line, used, -1) end
  return used
end

-- The next shop on the ready list joins the batch, unless it is stopped or has nothing. One whose
-- first webhook finds no room stays the next: put behind the others it could be passed for ever.
local function take_shop(shop, batch)
  local place = read_place(area, shop)
  if not place or place.at ~= 'r' or place.p ~= p then return end
  local entry = area .. '/' .. shop
  if batch.releasing and call('SREM', K.releasing, entry) == 1 then release_shop(entry) end
  if is_paused('shop:' .. shop) then
    place.at = 's'
    write_place(area, shop, place)
  elseif call('EXISTS', K.line .. area .. '/' .. shop) == 0 then
    set_idle(area, shop)
  elseif draw(shop, batch) == 0 then
    call('LPUSH', ready_key, shop)
  else
    place.at = 'l'
    write_place(area, shop, place)
    batch.shops[#batch.shops + 1] = shop
  end
end

local function has_room(batch)
  return #batch.shops < C.turn_shops and #batch.lines < C.batch and batch.bytes < C.batch_bytes
end

local function take(by)
  if is_paused('area:' .. area) then
    release()
    return { 'PAUSED' }
  end
  local batch = { shops = {}, lines = {}, found = {}, bytes = 0 }
  -- After a topic was resumed: what it held back goes before what came since.
  batch.releasing = call('EXISTS', K.releasing) == 1
  repeat
    local shop = call('LPOP', ready_key)
    if shop then take_shop(shop, batch) end
  until not shop or not has_room(batch)
  if #batch.shops == 0 then
    release()
    return { 'EMPTY' }
  end
  call('HSET', part_key, 'owner', owner, 'token', token, 'turn', number, 'until', now + C.lease_ms,
    'shops', table.concat(batch.shops, '\n'), 'batch', table.concat(batch.lines), 'by', by, 'tries', 0)
  return { 'BATCH', token, call('SCARD', K.work), unpack(batch.found) }
end
