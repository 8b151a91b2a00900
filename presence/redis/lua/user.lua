-- Writes the devices that a person has on a node, or removes them, and publishes a
-- change on the person's channel.
-- KEYS: user, seen, the node's index.
-- ARGV: user as in the index, node, devices ("devices best-state", -1 removes),
--       TTL of user and index in s, TTL of seen in s, ms since the person left.
-- Returns 1 if devices were written, 0 if they were removed.
local user, seen, index = KEYS[1], KEYS[2], KEYS[3]
local encoded, node, devices = ARGV[1], ARGV[2], ARGV[3]
if devices ~= '-1' then
  redis.call('SADD', index, encoded)
  redis.call('EXPIRE', index, ARGV[4])
  local before = redis.call('HGET', user, node)
  redis.call('HSET', user, node, devices)
  redis.call('EXPIRE', user, ARGV[4])
  if before ~= devices then redis.call('PUBLISH', user, node) end
  return 1
end
local gone = redis.call('HDEL', user, node)
redis.call('SREM', index, encoded)
local now = redis.call('TIME')
local left = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[6])
local before = tonumber(redis.call('GET', seen) or '0')
redis.call('SET', seen, string.format('%.0f', math.max(left, before)), 'EX', ARGV[5])
if gone == 1 then redis.call('PUBLISH', user, node) end
return 0
