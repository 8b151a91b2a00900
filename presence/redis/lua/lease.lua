-- Sets the end of a node's lease.
-- KEYS: nodes, epoch.
-- ARGV: node, lifetime of the lease in ms, epoch to set if Redis has none.
-- Returns {now in ms, epoch, end of the node's lease before this call or 0,
--          node, end of its lease in ms, node, ... for all nodes}.
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local before = redis.call('HGET', KEYS[1], ARGV[1]) or '0'
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', ms + tonumber(ARGV[2])))
redis.call('SET', KEYS[2], ARGV[3], 'NX')
local answer = {string.format('%.0f', ms), redis.call('GET', KEYS[2]), before}
for _, v in ipairs(redis.call('HGETALL', KEYS[1])) do answer[#answer + 1] = v end
return answer
