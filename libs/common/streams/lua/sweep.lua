-- Take entries of consumers whose lease is missing or past; forget dead consumers that hold nothing.
-- KEYS stream, leases; ARGV group, me, room, most bytes; returns {id, fields, times delivered, whose it was} per entry.
-- Of an entry that is too large to be an event only its size is handed on (`_size`): it may be what killed its reader.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local room, taken = tonumber(ARGV[3]), {}
local function carried(fields)
  local size = 0
  for _, part in ipairs(fields) do size = size + #part end
  if size > tonumber(ARGV[4]) then return { '_size', tostring(size) } end
  return fields
end
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local of = {}
  for i = 1, #info, 2 do of[info[i]] = info[i + 1] end
  local lease = redis.call('ZSCORE', KEYS[2], of.name)
  if of.name ~= ARGV[2] and (not lease or tonumber(lease) < now) then
    if of.pending == 0 then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of.name)
      redis.call('ZREM', KEYS[2], of.name)
    elseif room > 0 then
      for _, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', room, of.name)) do
        -- What was handed back in good order (~free) is not counted against the entry.
        local times = of.name == '~free' and p[4] or p[4] + 1
        local got = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, p[1], 'RETRYCOUNT', times)
        if got[1] and got[1][2] then
          taken[#taken + 1] = { got[1][1], carried(got[1][2]), times, of.name }
          room = room - 1
        end
      end
    end
  end
end
return taken
