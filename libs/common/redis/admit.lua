-- Counts one request in a sliding window, exactly: an entry per request that was let in, dated by this server's clock,
-- so that neither the clocks of those who ask nor the time their question travelled can let one in too many.
-- KEYS: the window. ARGV: how many it takes, its length in microseconds.
-- Returns {1 or 0, how many are left, microseconds until the oldest entry leaves, the entry that was made}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local quota, length = tonumber(ARGV[1]), tonumber(ARGV[2])
local oldest = redis.call('LINDEX', KEYS[1], 0)
while oldest and tonumber(oldest) <= now - length do
  redis.call('LPOP', KEYS[1])
  oldest = redis.call('LINDEX', KEYS[1], 0)
end
local count = redis.call('LLEN', KEYS[1])
local passes = count < quota
local entry = string.format('%.0f', now)
if passes then
  -- string.format: Lua would write sixteen digits as 1.7e15.
  redis.call('RPUSH', KEYS[1], entry)
  redis.call('PEXPIRE', KEYS[1], math.ceil(length / 1000))
  count = count + 1
  oldest = oldest or now
end
return {passes and 1 or 0, math.max(0, quota - count), (oldest and tonumber(oldest) or now) + length - now, passes and entry or ''}
