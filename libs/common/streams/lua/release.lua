-- Hand entries I still own to nobody (`~free` holds no lease), so that the next sweep takes them; the count stays.
-- KEYS stream; ARGV group, me, ids...
for i = 3, #ARGV do
  local p = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if p[1] and p[1][2] == ARGV[2] then redis.call('XCLAIM', KEYS[1], ARGV[1], '~free', 0, ARGV[i], 'JUSTID') end
end
return 0
