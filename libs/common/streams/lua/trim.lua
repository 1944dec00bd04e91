-- Forget entries that every group has acknowledged and that are older than the retention; never by length.
-- KEYS stream; ARGV retention ms; returns how many.
local function parts(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end
local t = redis.call('TIME')
local low = string.format('%.0f-0', t[1] * 1000 + math.floor(t[2] / 1000) - ARGV[1])
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local of = {}
  for i = 1, #info, 2 do of[info[i]] = info[i + 1] end
  local first = redis.call('XPENDING', KEYS[1], of.name, '-', '+', 1)[1]
  local id = first and first[1] or of['last-delivered-id']
  local ms, seq = parts(id)
  local low_ms, low_seq = parts(low)
  if ms < low_ms or (ms == low_ms and seq < low_seq) then low = id end
end
return redis.call('XTRIM', KEYS[1], 'MINID', low)
