-- Append events and move the relay's cursor in one step, if nobody moved it first and no group is too far behind.
-- KEYS stream, cursor; ARGV expected cursor, new cursor, most lag, bodies... ; returns the cursor in force or 'held-back'.
local cursor = redis.call('GET', KEYS[2]) or ''
if cursor ~= ARGV[1] then return cursor end
-- No group can be further behind than the stream is long.
if redis.call('XLEN', KEYS[1]) > tonumber(ARGV[3]) then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #info, 2 do
      -- Servers before 7.0 do not tell the lag; nobody is held back there.
      if info[i] == 'lag' and info[i + 1] and info[i + 1] > tonumber(ARGV[3]) then return 'held-back' end
    end
  end
end
for i = 4, #ARGV do redis.call('XADD', KEYS[1], '*', 'd', ARGV[i]) end
redis.call('SET', KEYS[2], ARGV[2])
return ARGV[2]
