"""What a group asks of Redis in one step each: Lua, and the keys it works on.

Here stands who lives, who leads and who holds what; ``stream_scripts`` has what is
appended, trimmed and taken over.

The keys of a group lie in its account's slot of a cluster: ``notifyws:{ACCOUNT}:`` and

===================  ==========  ======================================================
``group:NAME``       stream      what arrived, a line of JSON each (field ``n``); with
                                 ``--key`` there are ``PARTITIONS`` of them, ``:p:N``
``...:lease:N``      text        ``FENCE MEMBER`` of who holds the N-th socket; expires
``...:owner:N``      text        which member reads partition N; expires
``...:members``      sorted set  members, by unix milliseconds until which they live
``...:meta``         hash        ``v``, ``key`` (the expression of ``--key``),
                                 ``sockets``,
                                 ``fence``, ``leader`` (who took a lease last), and
                                 for each socket ``last:N`` (the same), ``began:N``
                                 (the fence with which they began to lead) and
                                 ``before:N`` (who led until then),
                                 ``forgot`` (when a Redis that lost everything was
                                 noticed, unix milliseconds), ``lost`` (the same of a
                                 stream that lost unread entries, until a leader has
                                 dealt with it),
                                 ``position`` and ``heard_at`` (where the group stands
                                 at the server), ``socket:N`` (with several: since
                                 when it is open and until when it was heard, unix
                                 milliseconds, and whose it is), ``batch``
                                 (what was appended last, of whom; with several
                                 sockets ``batch:N`` for each), ``back:N`` (when it
                                 was noticed that Redis went back, to which moment,
                                 and by whom), ``gaps`` and
                                 ``gap`` (the latest)
``...:ids``          sorted set  with several sockets: what was appended lately
===================  ==========  ======================================================

The law: *who does not hold a lease writes nothing.* A proof, ``FENCE MEMBER``, is
compared within the script that writes, so that a leader that was asleep is refused,
however late its words come. Times are Redis' own: hosts may disagree about theirs.
Every key expires some weeks after the last member left.
"""

from __future__ import annotations

from notifyws.fleet.group.lua import LEASES, MEMBERS, NUMBERS, STANDING, TIME

VERSION = "1"
"""Of the keys and the stream; another one is left alone."""
RELEASED = "released"
"""The consumer that holds what a member gave back when it left."""
REPLAY = "replay:"
"""How the consumer groups begin that read the stream again."""
WRONG_VERSION, WRONG_KEY, WRONG_SOCKETS = -1, -2, -3
"""Instead of an answer: the group is another version's, or has another ``--key`` or
``--sockets``: what one of several sockets appends is looked for by the others."""

BEAT = f"""{TIME}{NUMBERS}{LEASES}{STANDING}
local members, meta = KEYS[1], KEYS[2]
local me, alive, lease, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local wants, leads, key, heard = ARGV[5] == '1', ARGV[6] == '1', ARGV[7], ARGV[8]
local sockets, streams = tonumber(ARGV[9]), tonumber(ARGV[10])
local floor, late = tonumber(ARGV[11]), tonumber(ARGV[12])
local open_for, age, batch, began = ARGV[13], ARGV[14], ARGV[15], tonumber(ARGV[16])
local dealt, answered, agreed = ARGV[17], tonumber(ARGV[18]), tonumber(ARGV[19])
local fields = {{'v', 'key', 'forgot', 'sockets', 'position', 'leader'}}
local known = redis.call('HMGET', meta, unpack(fields))
if known[1] and known[1] ~= '{VERSION}' then return {{{WRONG_VERSION}, known[1]}} end
if known[1] and known[2] ~= key then return {{{WRONG_KEY}, known[2]}} end
local at, forgot = now(), number_in(known[3])
if known[4] ~= ARGV[9] then
  local mine = tonumber(redis.call('ZSCORE', members, me) or '0') > at and 1 or 0
  local live = redis.call('ZCOUNT', members, at, at + LONGEST * 2)
  if number_in(known[4]) > 0 and live > mine then
    return {{{WRONG_SOCKETS}, known[4]}}
  end
  redis.call('HSET', meta, 'sockets', ARGV[9])
end
if forgot > at then forgot = 0 end
if not known[1] then
  redis.call('HSET', meta, 'v', '{VERSION}', 'key', key)
  if floor > 0 then
    forgot = at
    redis.call('HSET', meta, 'forgot', at)
  end
end
if at - forgot < tonumber(lease) and not leads then wants = false end
local may_take = wants and (late == 0 or at <= late)
local back_to = -1
if known[6] and leads and forgot < answered then
  local lives = tonumber(redis.call('ZSCORE', members, me) or '0')
  if lives < answered + alive then back_to = math.max(lives - alive, 0) end
end
redis.call('ZADD', members, at + alive, me)
redis.call('ZREMRANGEBYSCORE', members, '-inf', at - 86400000)
redis.call('ZREMRANGEBYSCORE', members, '(' .. (at + LONGEST * 2), '+inf')
redis.call('PEXPIRE', members, keep)

local function is_mine(proof)
  return proof and string.match(proof, ' (.*)') == me
end
local function fence_of(proof)
  return number_in(proof and string.match(proof, '^(%d+) .'))
end
local function begin(n, fence, last)
  local goes_on = back_to >= 0 and fence_of(last) < began
  if goes_on or fence and not is_mine(last) then
    local since = goes_on and began or fence
    redis.call('HSET', meta, 'began:' .. n, since, 'before:' .. n, last or '')
  end
end
local mine, proof, soonest, leader = -1, '', -1, false
for n = 1, sockets do
  local holder = holder_of(KEYS[2 + n])
  if holder and fence_of(holder) == 0 then
    redis.call('DEL', KEYS[2 + n])
    holder = false
  end
  if mine < 0 and is_mine(holder) and wants then
    redis.call('PEXPIRE', KEYS[2 + n], lease)
    mine, proof = n - 1, holder
    begin(mine, nil, redis.call('HGET', meta, 'last:' .. mine))
  elseif is_mine(holder) then
    redis.call('DEL', KEYS[2 + n])
    holder = false
  end
  leader = leader or holder
end
for n = 1, sockets do
  if mine < 0 and may_take and redis.call('EXISTS', KEYS[2 + n]) == 0 then
    local fence = number_in(redis.call('HGET', meta, 'fence'))
    fence = math.max(fence, floor) + 1
    redis.call('HSET', meta, 'fence', fence)
    proof, mine = fence .. ' ' .. me, n - 1
    redis.call('SET', KEYS[2 + n], proof, 'PX', lease)
    begin(mine, fence, redis.call('HGET', meta, 'last:' .. mine))
    redis.call('HSET', meta, 'leader', proof, 'last:' .. mine, proof)
    leader = leader or proof
  elseif mine ~= n - 1 then
    local left = redis.call('PTTL', KEYS[2 + n])
    if soonest < 0 or left < soonest then soonest = left end
  end
end
local told = redis.call('HMGET', meta, 'began:' .. mine, 'before:' .. mine)
local since_fence = number_in(told[1])
if mine >= 0 and since_fence == 0 then
  since_fence = fence_of(proof)
  redis.call('HSET', meta, 'began:' .. mine, since_fence)
end
local hears = mine >= 0 and age ~= '' and since_fence == began
if hears and heard ~= '' then redis.call('HSET', meta, 'heard_at', heard) end
local others = {{}}
for n = 0, sockets > 1 and sockets - 1 or -1 do
  local field, holder = 'socket:' .. n, holder_of(KEYS[3 + n])
  if n == mine and hears then
    local said = (at - open_for) .. ' ' .. (at - age) .. ' ' .. me
    redis.call('HSET', meta, field, said)
  elseif n == mine then
    redis.call('HSET', meta, field, '')
  elseif holder then
    local line = redis.call('HGET', meta, field) or ''
    local since, until_when, whose = string.match(line, '^(%d+) (%d+) (.*)$')
    since, until_when = number_in(since), number_in(until_when)
    local is_its = whose == string.match(holder, ' (.*)')
    if is_its and math.min(since, until_when) > 0 and until_when <= at then
      others[#others + 1] = {{since, until_when}}
    end
  end
end
redis.call('PEXPIRE', meta, keep)

local lag, pending, own, oldest = 0, 0, 0, false
for n = 1, streams do
  local stream = KEYS[2 + sockets + n]
  local was_there = redis.call('EXISTS', stream) == 1
  if not was_there then
    redis.call('XGROUP', 'CREATE', stream, '{MEMBERS}', '0', 'MKSTREAM')
  end
  redis.call('PEXPIRE', stream, keep)
  local behind, held, since, gone = standing(stream)
  if not was_there or not held or gone then
    if known[1] and known[5] then redis.call('HSET', meta, 'lost', at) end
  end
  if gone then
    redis.call('XGROUP', 'SETID', stream, '{MEMBERS}', gone)
  elseif not held then
    redis.call('XGROUP', 'DESTROY', stream, '{MEMBERS}')
    redis.call('XGROUP', 'CREATE', stream, '{MEMBERS}', '0')
    held = {{0}}
  end
  lag, pending, oldest = lag + behind, pending + held[1], earlier(oldest, since)
  for _, each in ipairs(held[4] or {{}}) do
    if each[1] == me then own = own + each[2] end
  end
end
local alive_now = redis.call('ZCOUNT', members, at, '+inf')
local last = redis.call('HGET', meta, sockets > 1 and 'batch:' .. mine or 'batch')
local lost = number_in(redis.call('HGET', meta, 'lost'))
if mine >= 0 and lost > 0 and lost == number_in(dealt) then
  redis.call('HSET', meta, 'lost', 0)
  lost = 0
end
local who, number = string.match(batch, '^(.*) (%d+)$')
local whose, latest = string.match(last or '', '^(.*) (%d+)$')
local knows = not who or who == whose and number_in(number) <= number_in(latest)
if back_to < 0 and not knows then back_to = agreed end
if mine >= 0 then
  local field = 'back:' .. mine
  local line = redis.call('HGET', meta, field) or ''
  local noticed, to, by = string.match(line, '^(%d+) (%d+) (.*)$')
  if noticed and (by ~= me or answered < number_in(noticed)) then
    to = number_in(to)
    back_to = back_to < 0 and to or math.min(back_to, to)
  end
  local said = back_to < 0 and '' or at .. ' ' .. back_to .. ' ' .. me
  if said ~= line then redis.call('HSET', meta, field, said) end
end
return {{mine, proof, since_fence, told[2] or '', soonest, leader, lag,
  pending, own, oldest or false, at, alive_now, others,
  redis.call('HGET', meta, 'heard_at') or '', lost, back_to}}
"""
"""Says that a member lives, keeps or takes a lease, and tells how the group stands.

KEYS: members, meta, the leases, the streams. ARGV: member; milliseconds it lives on,
a lease lasts, keys are kept; whether it wants a lease (0/1), whether it led until now
(0/1), the key expression, until when its server was heard or nothing; how many leases
and streams; the fence that a new one must exceed; unix milliseconds after which these
words are too late to take a lease (a Redis that was stopped hears them long after
whoever said them has given up), or 0; milliseconds for which its connection is open and
since that was heard, or nothing; the batch that this member appended last, or nothing;
the fence with which it began to lead, or 0; which loss (see below) it has dealt with;
when its latest beat was that it knows to be answered, and the latest at which its batch
was known (unix milliseconds, or 0).
Where Redis lost everything, one who led comes first for the time of a lease, for it
knows where the group stood. Where Redis has gone back, it does not know of that beat:
whoever led until then leads on, if nobody has taken its place since. A lease is a
member's own by its name: the answer that told of it may have been lost.
Returns: the number of its lease or -1, its proof, the fence with which it began to lead
and who led until then, milliseconds until another lease ends or -1, who leads, unread,
pending, how many of those are its own, unix milliseconds of the oldest unread or
pending, and of now, how many members live, since when each other socket is open and
until when it was heard (unix milliseconds), until when the server was heard, when it
was noticed that somebody took unread entries away (unix milliseconds, or 0), and the
moment (unix milliseconds) to which Redis has gone back at most, or -1.
"""

LET_GO = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
"""Ends a lease, if it is still one's own. KEYS: it. ARGV: proof."""

DESCRIBE = f"""{TIME}{NUMBERS}{STANDING}
local most, leases, at = tonumber(ARGV[1]), tonumber(ARGV[2]), now()
local facts = {{
  leaders = {{}}, members = {{}}, pending = {{}}, held = 0, lag = 0, length = 0, at = at
}}
local meta = redis.call('HMGET', KEYS[1], 'v', 'key', 'gaps', 'gap')
for n, name in ipairs({{'v', 'key', 'gaps', 'gap'}}) do
  facts[name] = meta[n] and string.sub(meta[n], 1, 10000)
end
facts.alive = redis.call('ZCOUNT', KEYS[2], at, '+inf')
local alive = redis.call('ZRANGEBYSCORE', KEYS[2], at, '+inf', 'LIMIT', 0, most)
for n, name in ipairs(alive) do facts.members[n] = string.sub(name, 1, 300) end
for n = 3, 2 + leases do
  local holder = redis.call('GET', KEYS[n])
  if holder then
    facts.leaders[#facts.leaders + 1] = string.sub(holder, 1, 300)
  end
end
for n = 3 + leases, #KEYS do
  if redis.call('EXISTS', KEYS[n]) == 1 then
    local behind, held, since = standing(KEYS[n])
    facts.lag, facts.oldest = facts.lag + behind, earlier(facts.oldest, since)
    facts.length = facts.length + redis.call('XLEN', KEYS[n])
    facts.held = facts.held + (held and held[1] or 0)
    for i, each in ipairs(held and held[4] or {{}}) do
      if i > most then break end
      facts.pending[each[1]] = (facts.pending[each[1]] or 0) + each[2]
    end
  end
end
return cjson.encode(facts)
"""
"""Tells how a group stands, as JSON. KEYS: meta, members, the leases, the streams.
ARGV: how many members to name at most, how many leases."""

OWN = f"""{LEASES}
local kept, me, lease, most = {{}}, ARGV[1], ARGV[2], tonumber(ARGV[3])
for n, key in ipairs(KEYS) do
  if holder_of(key) == me then
    redis.call('PEXPIRE', key, lease)
    kept[#kept + 1] = n - 1
  end
end
for n, key in ipairs(KEYS) do
  if #kept < most and redis.call('SET', key, me, 'NX', 'PX', lease) then
    kept[#kept + 1] = n - 1
  end
end
return kept
"""
"""Keeps, and takes, partitions. KEYS: their owners. ARGV: member, milliseconds, how
many it may have. Returns: the numbers of those that it has now."""
