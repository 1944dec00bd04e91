-- Move what is due from the parking place to the group's retry stream.
-- KEYS due set, bodies, retries, dead letters; ARGV most, reason.
-- What nobody can read any more becomes a dead letter with that reason: it would be due for ever.
-- Returns in how many ms the next one is due, nothing when none is parked.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
local lost = {}
for _, token in ipairs(due) do
  local kept = redis.call('HGET', KEYS[2], token) or ''
  local readable, value = pcall(cjson.decode, kept)
  readable = readable and type(value) == 'table' and type(value.d) == 'string'
  for _, name in ipairs({ 'n', 'e', 'p' }) do
    local kind = readable and type(value[name])
    readable = readable and (kind == 'string' or kind == 'number' or (name == 'p' and kind ~= 'table'))
  end
  if readable then
    local previous = type(value.p) == 'string' and value.p or ''
    redis.call('XADD', KEYS[3], '*', 'd', value.d, 'n', value.n, 'e', value.e, 'p', previous)
  else
    local size = tostring(#kept)
    redis.call('XADD', KEYS[4], '*', '_why', ARGV[2], '_id', token, '_size', size, '_at_ms', string.format('%.0f', now))
    lost[#lost + 1] = { token, size }
  end
  redis.call('HDEL', KEYS[2], token)
  redis.call('ZREM', KEYS[1], token)
end
local following = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return { following[2] and math.max(0, math.floor(following[2] - now)) or -1, lost }
