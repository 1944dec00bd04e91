-- Forget a consumer that holds nothing, and its lease. KEYS stream, retries, leases; ARGV group, me.
for i = 1, 2 do
  local p = redis.call('XPENDING', KEYS[i], ARGV[1], '-', '+', 1, ARGV[2])
  if not p[1] then redis.call('XGROUP', 'DELCONSUMER', KEYS[i], ARGV[1], ARGV[2]) end
end
redis.call('ZREM', KEYS[3], ARGV[2])
return 0
