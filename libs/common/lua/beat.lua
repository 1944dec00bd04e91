-- Renew a consumer's lease by the server's clock. KEYS leases; ARGV consumer, lifetime ms; returns 1 if it had run out.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local old = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if old and tonumber(old) < now then return 1 end
return 0
