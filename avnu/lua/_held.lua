-- Webhooks of paused topics, set aside by turns. They return to the end of their shop's line.

-- Look at up to `most` of them; those whose topic is still paused are set aside again.
local function release_held(most)
  for _, entry in ipairs(call('LRANGE', K.held, 0, most - 1)) do
    call('LPOP', K.held)
    local area, shop, p, id = entry:match('^([^\t]*)\t([^\t]*)\t(%d+)\t(.*)$')
    local _, topic = head(call('GETRANGE', K.record .. shop .. '/' .. id, 0, 400))
    if topic and is_paused('topic:' .. topic) then
      call('RPUSH', K.held, entry)
    else
      call('RPUSH', K.line .. area .. '/' .. shop, id)
      local place = read_place(area, shop)
      if not place then set_ready(area, shop, { p = p }) end
    end
  end
end
