"""Lua that several scripts of a group begin with.

The law: *what Redis holds is read as if a stranger had written it.* A number that is
none, a lease that does not end, a moment that no clock will see: each reads as if it
were not there, and is replaced. What has another type than ours is refused by Redis.
"""

from __future__ import annotations

MEMBERS = "members"
"""The consumer group that shares the stream."""
LONGEST = 600_000
"""Milliseconds that a lease may be set to last at most."""

TIME = """
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
"""

NUMBERS = """
local function number_in(text)
  local is_one = text and string.match(text, '^%d+$') and #text < 14
  return is_one and tonumber(text) or 0
end
"""
"""A number of our own, which Lua holds and writes exactly; 0 for anything else."""

LEASES = f"""
local LONGEST = {LONGEST}
local function holder_of(key)
  local holder = redis.call('GET', key)
  if not holder then return false end
  local left = redis.call('PTTL', key)
  if left < 0 or left > LONGEST then
    redis.call('DEL', key)
    return false
  end
  return holder
end
"""
"""Who holds a lease; one that never ends, or not in our time, is taken away."""

PAGES = """
local function some_after(stream, id, last, most, bytes)
  local found, size = {}, 0
  while #found < most and size < bytes do
    local count = math.min(10, most - #found)
    local page = redis.pcall('XRANGE', stream, '(' .. id, last, 'COUNT', count)
    if page.err or #page == 0 then return found, false end
    for _, entry in ipairs(page) do
      found[#found + 1], id = entry, entry[1]
      for _, word in ipairs(entry[2]) do size = size + #word end
    end
  end
  return found, #found >= most or size >= bytes
end
"""
"""What is looked at in one step, by its number and size, for Redis does nothing else
meanwhile; and whether that was the limit.

There is nothing after the last id that a stream can have, and Redis refuses to look."""

STANDING = f"""{PAGES}
local function earlier(one, other)
  return one and other and math.min(one, other) or one or other
end
local function moment(id)
  local at = number_in(id and string.match(id, '^(%d+)-'))
  return at > 0 and at
end
local function padded(id)
  local milliseconds, number = string.match(id, '^(%d+)-(%d+)$')
  return string.rep('0', 20 - #milliseconds) .. milliseconds
    .. string.rep('0', 20 - #number) .. number
end
local function facts_of(list)
  local facts = {{}}
  for i = 1, #list, 2 do facts[list[i]] = list[i + 1] end
  return facts
end
local function standing(stream)
  local last, behind, gone = false, false, false
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local facts = facts_of(group)
    if facts['name'] == '{MEMBERS}' then
      last, behind = facts['last-delivered-id'], facts['lag']
    end
  end
  local unread = some_after(stream, last or '0-0', '+', 1, 1)[1]
  local length = redis.call('XLEN', stream)
  if last and not unread then
    local newest = facts_of(redis.call('XINFO', 'STREAM', stream))['last-generated-id']
    if padded(last) < padded(newest) then
      gone = newest
    elseif padded(last) > padded(newest) and not behind then
      last, unread = false, some_after(stream, '0-0', '+', 1, 1)[1]
    end
  elseif last and behind and behind > length then
    gone = last
  end
  local after = last or '0-0'
  if gone then
    behind = unread and length or 0
  elseif not unread then
    behind = 0
  elseif not behind then
    behind = #some_after(stream, after, '+', 10000, 2000000)
  end
  local held = last and redis.call('XPENDING', stream, '{MEMBERS}')
  local since = earlier(moment(held and held[2]), moment(unread and unread[1]))
  return behind, held, since, gone
end
"""
"""How many entries nobody has read, who holds what (``XPENDING``; nothing where the
consumer group is missing, or stands where its stream never was), and unix milliseconds
of the oldest that is not handled. A Redis that does not know how many are unread counts
them, up to some megabytes. Where somebody took unread entries away: the id up to which
nothing is left to be read."""
