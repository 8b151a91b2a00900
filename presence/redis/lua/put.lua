-- Writes the entry of one connection, and the person's value.
-- KEYS: room, the node's index.
-- ARGV: room as in the index, conn, node, gen, state, user, card, former slot or -1,
--       preferred slot, step to the next slot, since in ms or 0 for now, TTL in s.
-- With gen * the entry is taken over from whichever node has it. With any other gen
-- the entry is written only if it is missing, or has this node and gen.
-- Returns nil if it was not written, else {gen of the entry, the person's value}.
-- An entry that already is as it should be is neither written nor published.
local room, index = KEYS[1], KEYS[2]
local encoded, conn, node, gen, state, user, card = unpack(ARGV, 1, 7)
local had, preferred, step = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local since, ttl = ARGV[11], ARGV[12]
local entry, person = 'c' .. conn, 'p' .. user

-- Returns the number of people with each slot.
local function counts()
  local used = {}
  for n in string.gmatch(redis.call('HGET', room, 's') or '0 0 0 0 0 0 0 0 0 0 0 0', '%d+') do
    used[#used + 1] = tonumber(n)
  end
  return used
end

-- Removes one entry from the count of a person, and the person with the last one.
local function remove(name)
  local p = redis.call('HGET', room, 'p' .. name)
  if not p then return end
  local slot, at, order, count, rest = string.match(p, '^(%d+) (%d+) (%d+) (%d+) (.*)$')
  if tonumber(count) > 1 then
    redis.call('HSET', room, 'p' .. name, table.concat({slot, at, order, tonumber(count) - 1, rest}, ' '))
    return
  end
  redis.call('HDEL', room, 'p' .. name)
  local used = counts()
  used[slot + 1] = math.max(0, used[slot + 1] - 1)
  redis.call('HSET', room, 's', table.concat(used, ' '))
end

local old = redis.call('HGET', room, entry)
local oldNode, oldGen, oldState, oldUser
if old then
  oldNode, oldGen, oldState, oldUser = string.match(old, '^(%S+) (%d+) (%a) (.*)$')
  if gen ~= '*' and (oldNode ~= node or oldGen ~= gen) then return false end
end
redis.call('SADD', index, encoded)
redis.call('EXPIRE', index, ttl)
local p = redis.call('HGET', room, person)
local slot, at, order, count, rest
if p then slot, at, order, count, rest = string.match(p, '^(%d+) (%d+) (%d+) (%d+) (.*)$') end
if old and p and oldNode == node and oldState == state and oldUser == user and (rest == card or state == 'g') then
  redis.call('EXPIRE', room, ttl)
  return {tonumber(oldGen), p}
end

local nextGen = redis.call('HINCRBY', room, 'n', 1)
if old and oldUser ~= user then remove(oldUser) end
redis.call('HSET', room, entry, table.concat({node, nextGen, state, user}, ' '))
if not p then
  local used = counts()
  slot = preferred
  if had >= 0 and used[had + 1] == 0 then
    slot = had
  else
    local try = preferred
    for _ = 1, #used do
      if used[try + 1] < used[slot + 1] then slot = try end
      try = (try + step) % #used
    end
  end
  used[slot + 1] = used[slot + 1] + 1
  redis.call('HSET', room, 's', table.concat(used, ' '))
  if since == '0' then
    local now = redis.call('TIME')
    since = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
  end
  at, order, count, rest = since, nextGen, 1, card
else
  if not old or oldUser ~= user then count = count + 1 end
  if state ~= 'g' then rest = card end
end
p = table.concat({slot, at, order, count, rest}, ' ')
redis.call('HSET', room, person, p)
redis.call('EXPIRE', room, ttl)
redis.call('PUBLISH', room, node)
return {nextGen, p}
