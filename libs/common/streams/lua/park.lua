-- Put an entry I still own aside until it is due, and acknowledge it.
-- KEYS stream, due set, bodies; ARGV group, id, me, token, delay ms, value; returns 0 if it is not mine any more.
local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if not p[1] or p[1][2] ~= ARGV[3] then return 0 end
local t = redis.call('TIME')
redis.call('ZADD', KEYS[2], t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[5], ARGV[4])
redis.call('HSET', KEYS[3], ARGV[4], ARGV[6])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return 1
