-- Note whether the server is so full that accept must stop. Noted once a second by whoever ticks or
-- flushes, with workers up or not, and by accept; cleared 2 percent lower so that it does not flicker.
local function note_memory()
  local info = call('INFO', 'memory')
  local used = tonumber(info:match('used_memory:(%d+)'))
  local most = tonumber(info:match('maxmemory:(%d+)'))
  local full = control[3] == '1'
  if not most or most == 0 then
    full = false
  elseif used * 100 >= most * C.full_percent then
    full = true
  elseif used * 100 < most * (C.full_percent - 2) then
    full = false
  end
  call('HSET', K.control, 'full', full and '1' or '0', 'memory', now)
  return full
end
