-- Give dead letters out again as first attempts; each leaves the dead letters in the same step, so none goes twice.
-- One without a body cannot be given to anybody and stays. KEYS dead letters, retries; ARGV entry ids...
-- Returns how many were given out.
local moved = 0
for _, id in ipairs(ARGV) do
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  local of = {}
  for i = 1, #(entry and entry[2] or {}), 2 do of[entry[2][i]] = entry[2][i + 1] end
  if of.d then
    redis.call('XADD', KEYS[2], '*', 'd', of.d, 'n', 1, 'e', of._epoch or 0)
    redis.call('XDEL', KEYS[1], id)
    moved = moved + 1
  end
end
return moved
