-- Removes entries of connections, unless another node has taken them over.
-- KEYS: room, the node's index.
-- ARGV: room as in the index, node, 1 to remove the room from the index or 0,
--       then conn and gen in turns. An entry is removed if it has this node and
--       gen; gen * matches any.
-- Returns the number of removed entries.
local room, index = KEYS[1], KEYS[2]
local encoded, node, last = ARGV[1], ARGV[2], ARGV[3]
local removed = 0
for i = 4, #ARGV, 2 do
  local entry = 'c' .. ARGV[i]
  local old = redis.call('HGET', room, entry)
  if old then
    local oldNode, oldGen, user = string.match(old, '^(%S+) (%d+) %a (.*)$')
    if oldNode == node and (ARGV[i + 1] == '*' or ARGV[i + 1] == oldGen) then
      redis.call('HDEL', room, entry)
      removed = removed + 1
      local p = redis.call('HGET', room, 'p' .. user)
      if p then
        local slot, at, order, count, rest = string.match(p, '^(%d+) (%d+) (%d+) (%d+) (.*)$')
        if tonumber(count) > 1 then
          redis.call('HSET', room, 'p' .. user, table.concat({slot, at, order, tonumber(count) - 1, rest}, ' '))
        else
          redis.call('HDEL', room, 'p' .. user)
          local used = {}
          for n in string.gmatch(redis.call('HGET', room, 's') or '', '%d+') do used[#used + 1] = tonumber(n) end
          if used[slot + 1] then
            used[slot + 1] = math.max(0, used[slot + 1] - 1)
            redis.call('HSET', room, 's', table.concat(used, ' '))
          end
        end
      end
    end
  end
end
if last == '1' then redis.call('SREM', index, encoded) end
if removed > 0 then
  -- A room with nothing but the counter and the slots is empty.
  if redis.call('HLEN', room) <= 2 then redis.call('DEL', room) end
  redis.call('PUBLISH', room, node)
end
return removed
