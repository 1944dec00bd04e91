-- Move an entry I still own to the dead-letter stream.
-- KEYS stream, dead letters; ARGV group, id, me, field, value... ; returns 0 if it is not mine any more.
local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if not p[1] or p[1][2] ~= ARGV[3] then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return 1
