-- May a group have one more dead letter? Beyond its limit this question pauses it.
-- KEYS dead letters, pause; ARGV most since it was resumed, most in the window, window ms; returns why it is paused, or ''.
local why = redis.call('HGET', KEYS[2], 'why')
if why then return why end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local length, base = redis.call('XLEN', KEYS[1]), tonumber(redis.call('HGET', KEYS[2], 'base') or 0) or 0
-- Letters that were given out again or dropped make room.
if length < base then
  base = length
  redis.call('HSET', KEYS[2], 'base', base)
end
if length - base >= tonumber(ARGV[1]) then why = 'count' end
local since = math.max(now - ARGV[3], tonumber(redis.call('HGET', KEYS[2], 'resumed_ms') or 0) or 0)
local lately = redis.call('XRANGE', KEYS[1], string.format('%.0f', since), '+', 'COUNT', ARGV[2])
if not why and #lately >= tonumber(ARGV[2]) then why = 'rate' end
if not why then return '' end
redis.call('HSET', KEYS[2], 'why', why, 'at_ms', string.format('%.0f', now))
return why
