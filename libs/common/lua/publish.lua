-- Append events and move the relay's cursor in one step, if nobody moved it first.
-- KEYS stream, cursor; ARGV expected cursor, new cursor, bodies... ; returns the cursor in force.
local cursor = redis.call('GET', KEYS[2]) or ''
if cursor ~= ARGV[1] then return cursor end
for i = 3, #ARGV do redis.call('XADD', KEYS[1], '*', 'd', ARGV[i]) end
redis.call('SET', KEYS[2], ARGV[2])
return ARGV[2]
