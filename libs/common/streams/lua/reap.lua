-- End the leases, and the lead, of consumers known to be dead. KEYS leases, lead; ARGV names...
for _, name in ipairs(ARGV) do
  redis.call('ZADD', KEYS[1], 'XX', 0, name)
  if redis.call('GET', KEYS[2]) == name then redis.call('DEL', KEYS[2]) end
end
return 0
