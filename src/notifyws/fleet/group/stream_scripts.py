"""What a group asks of Redis for its streams: append, trim, take over; Lua.

``scripts`` has the table of keys, and the law: who does not hold a lease writes
nothing.
"""

from __future__ import annotations

from notifyws.fleet.group.lua import MEMBERS, NUMBERS, STANDING, TIME
from notifyws.fleet.group.scripts import RELEASED, REPLAY

APPEND = f"""{TIME}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {{0}} end
local batch = 'batch'
if tonumber(ARGV[5]) > 0 then batch = 'batch:' .. string.match(KEYS[1], '%d+$') end
if ARGV[3] == '1' and redis.call('HGET', KEYS[2], batch) == ARGV[2] then
  return {{2}}
end
if ARGV[7] ~= '' and ARGV[7] ~= redis.call('HGET', KEYS[2], batch) then
  return {{3}}
end
local distinct, words, done = tonumber(ARGV[5]), tonumber(ARGV[6]), {{}}
local at = distinct > 0 and now() or 0
for i = 8, #ARGV, words do
  local stream, fresh = words > 1 and KEYS[3 + ARGV[i + 1]] or KEYS[4], 1
  if distinct > 0 and ARGV[i + 2] ~= '' then
    fresh = redis.call('ZADD', KEYS[3], 'NX', at, ARGV[i + 2])
  end
  if fresh == 1 then
    done[#done + 1] = redis.call('XADD', stream, '*', 'n', ARGV[i])
  end
end
if distinct > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -distinct - 1)
  redis.call('PEXPIRE', KEYS[3], 86400000)
end
redis.call('HSET', KEYS[2], 'position', ARGV[4], batch, ARGV[2])
return {{1, table.concat(done, ' '), at}}
"""
"""Appends a batch, if its writer holds a lease, and moves the group's position.

KEYS: the lease, meta, ids, the streams. ARGV: proof, name of the batch, whether it
may have been appended already (0/1), position, how many ids to remember (0: none), how
many words there are of each (1 or 3), the batch that its writer appended last or
nothing; then these: line, number of its stream (from 1),
what tells it from others.
Returns: 0 refused; 2 it was; 3 nothing was done: Redis knows of another latest batch,
as one that took over and had not been told; 1, the new ids as one text, and when that
was (unix milliseconds; 0 where no ids are remembered).
"""

READ = """
local words = {'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS'}
for i = 1, #KEYS do words[7 + i], words[7 + #KEYS + i] = KEYS[i], '>' end
local places = {}
for i, stream in ipairs(KEYS) do places[stream] = i - 1 end
local told = {}
for _, each in ipairs(redis.call(unpack(words)) or {}) do
  for _, entry in ipairs(each[2]) do
    local line, fields = '', entry[2]
    for i = 1, #fields, 2 do
      if fields[i] == 'n' then line = fields[i + 1] end
    end
    local head = {places[each[1]], entry[1], #line}
    told[#told + 1] = table.concat(head, ' ') .. '\\n' .. line
  end
end
return table.concat(told)
"""
"""Gives a member new entries, as one text: what the parts of an answer cost the one who
reads them is four times what is done with them.

KEYS: the streams. ARGV: the consumer group, the member, how many of each at most.
Returns: of each entry the number of its stream (from 0), its id and the bytes of its
line; then that.
"""

BACK = """
local found, size, before = {}, 0, ARGV[1]
while #found < tonumber(ARGV[2]) and size < tonumber(ARGV[3]) do
  local entry = redis.call('XREVRANGE', KEYS[1], before, '-', 'COUNT', 1)[1]
  if not entry then break end
  found[#found + 1], before = entry, '(' .. entry[1]
  for _, word in ipairs(entry[2]) do size = size + #word end
end
return found
"""
"""Reads a stream back, as far as a way to Redis carries at once.

KEYS: the stream. ARGV: before which entry, entries and bytes at most.
Returns: entries, the newest first; the last may be beyond those bytes.
"""

PRESENT = """
local found = {redis.call('HGET', KEYS[1], 'leader')}
for i = 1, #ARGV, 2 do
  local stream = KEYS[1 + ARGV[i]]
  found[#found + 1] = #redis.call('XRANGE', stream, ARGV[i + 1], ARGV[i + 1])
end
return found
"""
"""Tells who took a lease last, and which entries are (still) there.

KEYS: meta, the streams. ARGV: number of a stream and id, for each.
"""

TRIM = f"""{TIME}{NUMBERS}{STANDING}
local cap, age = tonumber(ARGV[1]), tonumber(ARGV[2])
local lost, first, last, more = 0, false, false, 0
for _, stream in ipairs(KEYS) do
  local length, read = redis.call('XLEN', stream), '0-0'
  local groups = length > 0 and redis.call('XINFO', 'GROUPS', stream) or {{}}
  for _, group in ipairs(groups) do
    local facts = facts_of(group)
    if facts['name'] == '{MEMBERS}' then read = facts['last-delivered-id'] end
  end
  local most, bytes = tonumber(ARGV[3]), 8000000
  local out = length - cap
  local gone, full = some_after(stream, '0-0', '+', math.min(out, most), bytes)
  if #gone == 0 and age > 0 then
    out = length
    gone, full = some_after(stream, '0-0', tostring(now() - age), most, bytes)
  end
  if full and #gone < out then more = 1 end
  if #gone > 0 then
    local unread = some_after(stream, read, gone[#gone][1], #gone, bytes)
    if #unread > 0 then
      lost = lost + #unread
      first = earlier(first, moment(unread[1][1]))
      last = math.max(last or 0, moment(unread[#unread][1]) or 0)
    end
    redis.call('XTRIM', stream, 'MAXLEN', length - #gone)
    if #unread > 0 then
      redis.pcall('XGROUP', 'SETID', stream, '{MEMBERS}', unread[#unread][1])
    end
  end
  for _, group in ipairs(groups) do
    if string.find(group[2], '^{REPLAY}') then
      local readers = redis.call('XINFO', 'CONSUMERS', stream, group[2])
      local idle = 0
      for _, reader in ipairs(readers) do
        for i = 1, #reader, 2 do
          if reader[i] == 'idle' then idle = math.max(idle, reader[i + 1]) end
        end
      end
      if idle > {3_600_000} then
        redis.call('XGROUP', 'DESTROY', stream, group[2])
      end
    end
  end
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, '{MEMBERS}')
  for _, consumer in ipairs(consumers.err and {{}} or consumers) do
    local facts = facts_of(consumer)
    if facts['pending'] == 0 and facts['idle'] > {3_600_000} then
      redis.call('XGROUP', 'DELCONSUMER', stream, '{MEMBERS}', facts['name'])
    end
  end
end
return {{lost, first or 0, last or 0, more}}
"""
"""Trims streams to a number of entries and an age; tells what nobody had read. Forgets
members that hold nothing and were not seen for an hour.

KEYS: the streams. ARGV: entries, milliseconds (0 for any age), entries at once.
Returns: how many were unread, unix milliseconds of the first and the last of them, and
whether there is more to trim.
"""

CLAIM = f"""{TIME}
local stream, members = KEYS[1], KEYS[2]
local me, patience, most, own = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local claimed, lost, at = {{}}, {{}}, now()
local held = redis.call('XPENDING', stream, '{MEMBERS}')
for _, each in ipairs(held[4] or {{}}) do
  local name, idle = each[1], patience
  local alive = tonumber(redis.call('ZSCORE', members, name) or '0') > at
  if own or name == '{RELEASED}' then
    alive, idle = false, '0'
  end
  if name ~= me and not alive and #claimed < most then
    local left = most - #claimed
    local ids = redis.call(
      'XPENDING', stream, '{MEMBERS}', 'IDLE', idle, '-', '+', left, name)
    for _, entry in ipairs(ids) do
      local found = redis.call('XRANGE', stream, entry[1], entry[1])[1]
      if found then
        redis.call('XCLAIM', stream, '{MEMBERS}', me, 0, entry[1], 'JUSTID')
        claimed[#claimed + 1] = found
      else
        redis.call('XACK', stream, '{MEMBERS}', entry[1])
        lost[#lost + 1] = entry[1]
      end
    end
  end
end
return {{claimed, lost}}
"""
"""Takes over what members held that are dead, or gave back when they left.

KEYS: stream, members. ARGV: member, milliseconds that what a dead one holds must have
been idle, entries at most, whether the stream is this member's own (0/1: then all that
others hold is taken).
Returns: the entries, and the ids of those that were trimmed meanwhile.
"""

RELEASE = f"""
local me, lost = ARGV[1], {{}}
for i = 1, #KEYS - 1 do
  local stream = KEYS[i]
  while redis.call('EXISTS', stream) == 1 do
    local ids = redis.pcall('XPENDING', stream, '{MEMBERS}', '-', '+', 1000, me)
    if ids.err or #ids == 0 then break end
    for _, entry in ipairs(ids) do
      local id = entry[1]
      if #redis.call('XRANGE', stream, id, id) == 1 then
        redis.call('XCLAIM', stream, '{MEMBERS}', '{RELEASED}', 0, id, 'JUSTID')
      else
        redis.call('XACK', stream, '{MEMBERS}', id)
        lost[#lost + 1] = id
      end
    end
  end
  redis.pcall('XGROUP', 'DELCONSUMER', stream, '{MEMBERS}', me)
end
redis.call('ZREM', KEYS[#KEYS], me)
return lost
"""
"""Gives back what a member holds, and takes its name away.

KEYS: the streams, members. ARGV: member. Returns: the ids of those that were trimmed.
"""

BEGIN = """
for _, stream in ipairs(KEYS) do
  local is_new = redis.call('EXISTS', stream) == 0
  redis.call('XGROUP', 'CREATE', stream, ARGV[1], ARGV[2], 'MKSTREAM')
  if is_new then redis.call('PEXPIRE', stream, ARGV[3]) end
end
"""
"""Makes a consumer group; a stream of which nobody is a member goes some day.
KEYS: the streams. ARGV: its name, the id after which it begins, milliseconds."""

BEGIN_AGAIN = """
local gone, lost = 0, 0
for n, stream in ipairs(KEYS) do
  local is_new = redis.call('EXISTS', stream) == 0
  local after = ARGV[2 + n]
  local done = redis.pcall('XGROUP', 'CREATE', stream, ARGV[1], after, 'MKSTREAM')
  if not done.err then
    gone = 1
    if is_new then
      lost = 1
      redis.call('PEXPIRE', stream, ARGV[2])
    end
  end
end
return {gone, lost}
"""
"""Makes a consumer group anew wherever it is gone.
KEYS: the streams. ARGV: its name, milliseconds, the id after which it goes on in each.
Returns: whether it was gone anywhere, and whether a stream was (0/1)."""
