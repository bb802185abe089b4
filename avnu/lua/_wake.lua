-- Wake-ups: Celery messages on the queue database that say where there is work.
--@include _wakeups

-- Number the next wake-up of a partition and push it. The mark (membership of `work`) must be set.
local function push_wake(area, p)
  local key = K.part .. area .. '/' .. p
  local number = call('HINCRBY', key, 'wake', 1)
  call('HSET', key, 'woken', now)
  local wakeup = wakeup_of(area)
  if not wakeup or is_paused('area:' .. area) then return end
  local id = area .. '.' .. p .. '.' .. number .. '.' .. now
  local message = wakeup.text:gsub('@(%u+)@', { ID = id, PART = p, WAKE = number })
  call('SELECT', C.queue_db)
  call('LPUSH', wakeup.queue, message)
  call('SELECT', C.inbox_db)
end

-- Make sure a partition with work has a wake-up outstanding or a lease.
local function wake(area, p)
  if call('SADD', K.work, area .. '/' .. p) == 1 then push_wake(area, p) end
end

-- How many messages wait in the area's queue.
local function queue_length(area)
  local wakeup = wakeup_of(area)
  if not wakeup then return 0 end
  call('SELECT', C.queue_db)
  local length = call('LLEN', wakeup.queue)
  call('SELECT', C.inbox_db)
  return length
end
