-- Renew a consumer's lease, and its lead of an ordered topic, by the server's clock.
-- KEYS leases, lead; ARGV consumer, lifetime ms; returns 1 if the lease had run out.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local old = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
if old and tonumber(old) < now then return 1 end
return 0
