-- Give a group facts out of the archive and note how far it got, in one step: a killed replay goes on where it was.
-- KEYS retries, progress; ARGV expected progress, new progress, lifetime ms of the note, epoch, bodies...
-- Returns 1, or 0 when somebody else moved it and nothing was added.
local progress = redis.call('GET', KEYS[2]) or ''
if progress ~= ARGV[1] then return 0 end
for i = 5, #ARGV do redis.call('XADD', KEYS[1], '*', 'd', ARGV[i], 'n', 1, 'e', ARGV[4]) end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
