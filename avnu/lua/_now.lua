-- Shared opening of the scripts on DB 0: the server's time in ms, plus an offset that only tests set.
local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000) + tonumber(call('GET', K.guards_offset) or 0)
