-- Take entries again that the server's books say are mine; what is too large to be an event is kept back here, so that
-- no reply can be too large for its reader. KEYS stream; ARGV group, me, idle ms, most bytes, ids...
-- Returns {id, fields} per entry; of a large one the field `_size` alone.
local taken = {}
for i = 5, #ARGV do
  local got = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[i])
  if got[1] and got[1][2] then
    local size = 0
    for _, part in ipairs(got[1][2]) do size = size + #part end
    taken[#taken + 1] = { got[1][1], size > tonumber(ARGV[4]) and { '_size', tostring(size) } or got[1][2] }
  end
end
return taken
