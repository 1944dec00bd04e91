-- Move what is due from the parking place to the group's retry stream.
-- KEYS due set, bodies, retries; ARGV most; returns in how many ms the next one is due, nothing when none is parked.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, token in ipairs(due) do
  local value = cjson.decode(redis.call('HGET', KEYS[2], token))
  redis.call('XADD', KEYS[3], '*', 'd', value.d, 'n', value.n, 'e', value.e, 'p', value.p or '')
  redis.call('HDEL', KEYS[2], token)
  redis.call('ZREM', KEYS[1], token)
end
local following = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if not following[2] then return false end
return math.max(0, math.floor(following[2] - now))
