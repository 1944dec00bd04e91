-- Take one entry that a group has been given, or has parked, away from it: acknowledge it, and, if asked, keep it as a
-- dead letter. KEYS stream, retries, due set, bodies, dead letters
-- ARGV group, entry id or token, most bytes kept, field, value... of the dead letter (none: none is made); returns 1 if it was there.
local function kept(body, size)
  if #ARGV < 5 then return end
  local fields = { unpack(ARGV, 4) }
  fields[#fields + 1], fields[#fields + 2] = '_id', ARGV[2]
  fields[#fields + 1], fields[#fields + 2] = '_size', tostring(size)
  if body and size <= tonumber(ARGV[3]) then fields[#fields + 1], fields[#fields + 2] = 'd', body end
  redis.call('XADD', KEYS[5], '*', unpack(fields))
end
if redis.call('ZSCORE', KEYS[3], ARGV[2]) then
  local value = redis.call('HGET', KEYS[4], ARGV[2]) or ''
  local readable, parked = pcall(cjson.decode, value)
  local body = readable and type(parked) == 'table' and type(parked.d) == 'string' and parked.d or false
  kept(body, #value)
  redis.call('HDEL', KEYS[4], ARGV[2])
  redis.call('ZREM', KEYS[3], ARGV[2])
  return 1
end
if not string.match(ARGV[2], '^%d+%-%d+$') then return 0 end
for i = 1, 2 do
  local there = redis.pcall('XPENDING', KEYS[i], ARGV[1], ARGV[2], ARGV[2], 1)
  if not there.err and there[1] then
    local entry = redis.call('XRANGE', KEYS[i], ARGV[2], ARGV[2])[1]
    local size, body = 0, false
    for place, part in ipairs(entry and entry[2] or {}) do
      size = size + #part
      if place % 2 == 0 and entry[2][place - 1] == 'd' then body = part end
    end
    kept(body, size)
    redis.call('XACK', KEYS[i], ARGV[1], ARGV[2])
    -- The group's own lane is nobody else's; the topic's entry is for the other groups.
    if i == 2 then redis.call('XDEL', KEYS[i], ARGV[2]) end
    return 1
  end
end
return 0
