-- How large an entry is, and its body where that is no larger than an event may be.
-- KEYS stream; ARGV id, most bytes; returns {size, body or nothing}, or nothing where it is not there.
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then return false end
local size, body = 0, ''
for place, part in ipairs(entry[2]) do
  size = size + #part
  if place % 2 == 0 and entry[2][place - 1] == 'd' then body = part end
end
return { size, size <= tonumber(ARGV[2]) and body or '' }
