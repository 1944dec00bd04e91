-- Set the relays' cursor if nobody moved it since it was looked at. KEYS cursor; ARGV expected, new; returns the one in force.
local cursor = redis.call('GET', KEYS[1]) or ''
if cursor ~= ARGV[1] then return cursor end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
