-- Hold or take the lead of an ordered topic. KEYS lead; ARGV consumer, lifetime ms; returns 1 for who leads.
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
