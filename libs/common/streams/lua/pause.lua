-- Pause a group on a topic, or resume it and begin to count its dead letters anew.
-- KEYS dead letters, pause; ARGV why (empty: resume); returns 1 if that changed anything.
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
if ARGV[1] ~= '' then
  if redis.call('HSETNX', KEYS[2], 'why', ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[2], 'at_ms', now)
  return 1
end
local was = redis.call('HDEL', KEYS[2], 'why', 'at_ms')
redis.call('HSET', KEYS[2], 'base', redis.call('XLEN', KEYS[1]), 'resumed_ms', now)
return was > 0 and 1 or 0
