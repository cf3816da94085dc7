"""A group's Redis that somebody else writes to, another version did, or that lies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from notifyws.clock import real_clock
from notifyws.config.settings import FIELDS
from notifyws.config.sources import load
from notifyws.delivery.outbox_records import ListenerPosition, notification_of
from notifyws.delivery.queue import DeliveryQueue
from notifyws.errors import CacheFailed, ConfigurationError
from notifyws.fleet.group import stream_scripts
from notifyws.fleet.group.entries import (
    LARGEST_STEP,
    Batch,
    Leading,
    Standing,
    heard_text,
    moment,
    moment_text,
    position_of,
    shifted,
)
from notifyws.fleet.group.in_hand import BYTES, FIRST
from notifyws.fleet.group.keys import RedisFailures
from notifyws.fleet.group.lua import LONGEST
from notifyws.fleet.group.member import GroupMember
from notifyws.fleet.group.membership import Membership
from notifyws.fleet.group.several_sockets import Marks
from notifyws.fleet.group.standing import standing_of
from notifyws.fleet.group.store import GroupStore
from notifyws.models import Notification
from tests.e2e.support import until
from tests.fleet.group.test_store import batch, leading
from tests.support.virtual import EPOCH, VirtualClock, in_virtual_time

NO_NUMBERS = ["abc", "", "-5", "1e5", "9" * 18, "9" * 5000, "1.5", "²"]


def meta(store: GroupStore, **fields: str) -> tuple[str, ...]:
    """Return the words that plant fields of a group that is ours otherwise."""
    facts = {"v": "1", "key": "", **fields}
    words = (word for pair in facts.items() for word in pair)
    return "HSET", f"{store.base}:meta", *words


# What is rubbish reads as nothing, and is replaced


@pytest.mark.parametrize("text", NO_NUMBERS, ids=lambda text: text[:6])
async def test_a_number_of_a_group_that_is_none_reads_as_nothing(make, valkey, text):
    """Seen: exit code 1, or a beat that was refused for ever and a group without a
    leader."""
    store = make("a")
    planted = {"fence": text, "forgot": text, "began:0": text, "socket:1": text}
    valkey.command(*meta(store, **planted))
    standing = await leading(store)
    assert 0 < standing.fence < 10**14
    assert standing.began == standing.fence
    assert await store.append(0, standing.proof, batch(1, "x"))
    again = await leading(store)
    assert (again.proof, again.began) == (standing.proof, standing.began)


async def test_a_loss_that_is_noticed_in_the_future_keeps_nobody_from_leading(
    make, valkey
):
    """Seen: no member ever led, and none said why."""
    store = make("a")
    valkey.command(*meta(store, forgot=str(10**12 * 9)))
    assert (await store.beat(wants=True)).slot == 0


@pytest.mark.parametrize("how", [(), ("PX", 10**11)], ids=["for ever", "for years"])
@pytest.mark.parametrize("text", ["5 other:1:x", "\x1b[31m", "", "7 ", f"{'9' * 20} x"])
async def test_a_lease_that_does_not_end_is_no_lease(make, valkey, how, text):
    """Seen: exit code 1; or everybody waited for ever for somebody who is not there."""
    store, other = make("a"), make("b", key="k")
    valkey.command("SET", f"{store.base}:lease:0", text, *how)
    assert (await store.beat(wants=True)).slot == 0
    valkey.flush()
    for number in range(32):
        valkey.command("SET", f"{store.base}:owner:{number}", text or "x", *how)
    await leading(other)
    assert len(await other.own(32)) == 32


async def test_a_lease_that_ends_is_left_to_its_holder(make, valkey):
    store = make("a")
    valkey.command("SET", f"{store.base}:lease:0", "5 other:1:x", "PX", LONGEST)
    standing = await store.beat(wants=True)
    assert (standing.slot, standing.leader, standing.fence) == (-1, "other:1:x", 5)


def test_the_longest_lease_is_the_longest_that_may_be_set():
    assert FIELDS["group_lease"].high * 1000 == LONGEST


async def test_members_that_live_for_ever_do_not_live(make, valkey):
    """Seen: with ``--key`` each had a share for partitions that nobody read."""
    store = make("a")
    valkey.command("ZADD", f"{store.base}:members", "inf", "x", 10**15, "y:1:1")
    assert (await store.beat(wants=True)).members == 1


async def test_a_socket_that_is_open_in_the_future_covers_nothing(make, valkey):
    """Seen: no gap was ever told any more."""
    store = make("a", sockets=2)
    other = make("x", sockets=2)
    await leading(store)
    await leading(other)
    valkey.command(*meta(store, **{"socket:1": f"1 {10**13 - 1} {other.member}"}))
    assert (await leading(store)).others == ()


async def test_the_last_id_that_there_can_be_is_said_and_ends_nothing(make, valkey):
    """Seen: every beat was refused."""
    store = make("a")
    proof = (await leading(store)).proof
    last = f"{2**64 - 1}-{2**64 - 1}"
    valkey.command("XADD", store.base, last, "n", "x")
    assert (await store.read([0], 10, 0.1))[0].id == last
    assert (await leading(store)).lag == 0
    assert await store.describe()
    with pytest.raises(CacheFailed):
        await store.append(0, proof, batch(1, "x"))
    assert (await store.trim(100, 60.0))[0] == 0


@pytest.mark.parametrize("place", [f"{2**64 - 1}-{2**64 - 1}", f"{2**63}-0"])
async def test_members_that_stand_where_their_stream_never_was_begin_anew(
    make, valkey, place
):
    """Seen: none of them was given anything any more, and nothing was behind."""
    store = make("a")
    proof = (await leading(store)).proof
    await store.append(0, proof, batch(1, "x"))
    valkey.command("XGROUP", "SETID", store.base, "members", place)
    await store.append(0, proof, batch(2, "y"))
    assert await store.read([0], 10, 0.1) == []
    assert (await leading(store)).lag == 2
    assert len(await store.read([0], 10, 0.1)) == 2
    assert (await leading(store)).lag == 0


async def test_members_that_have_read_all_that_was_deleted_since_stay_where_they_are(
    make, valkey
):
    store = make("a")
    proof = (await leading(store)).proof
    await store.append(0, proof, batch(1, "x", "y"))
    first, last = await store.read([0], 10, 0.1)
    valkey.command("XDEL", store.base, last.id)
    assert (await leading(store)).lag == 0
    assert await store.read([0], 10, 0.1) == []
    assert first.id < last.id


async def test_an_entry_of_a_moment_that_no_calendar_knows_is_like_any_other(
    make, valkey
):
    """Seen: exit code 1 at the next beat."""
    store = make("a")
    await leading(store)
    valkey.command("XADD", store.base, f"{2**64 - 2}-1", "n", "x")
    [entry] = await store.read([0], 10, 0.1)
    assert (await leading(store)).oldest is None
    assert moment_text(entry.at).startswith("9999-12-31T23:59:59")
    assert moment("no id") == moment("²-1") == 0.0


@pytest.mark.parametrize(
    "text", ["\x1b[31m", "9999", "2024-13-01T00:00:00Z", "1" * 5000]
)
def test_a_moment_that_is_none_is_not_taken_for_one(text):
    """Seen: exit code 1 with the first gap."""
    assert heard_text(text.encode(), 2e9) == ""


def test_nobody_heard_a_server_in_the_future():
    assert heard_text(b"2999-01-01T00:00:00Z", 1e9) == moment_text(1e9)
    assert heard_text(b"\xff", 1e9) == heard_text(None, 1e9) == ""


@pytest.mark.parametrize(
    "at", ["NaN", "Infinity", "-Infinity", "1e300", "-1e300", "1e999"]
)
def test_a_place_of_any_moment_is_one_that_a_calendar_knows(at):
    """Seen: exit code 1 before the first connection."""
    found = position_of(f'{{"last_id":"a","moved_at":{at}}}'.encode(), None, 1e9)
    assert found.last_id == "a"
    assert 0 <= found.moved_at <= 1e9


async def test_another_key_is_shown_harmless_and_not_at_length(make, valkey):
    store = make("a")
    valkey.command(*meta(store, key="\x1b]0;x\x07" + "y" * 100_000))
    with pytest.raises(ConfigurationError) as said:
        await store.beat(wants=True)
    assert len(str(said.value)) < 400
    assert str(said.value).isprintable()


async def test_who_reads_a_group_that_is_not_there_leaves_no_key_for_ever(make, valkey):
    store = make("a", consumers="replay:x")
    await store.begin_at("0")
    await store.end()
    assert all(valkey.command("PTTL", key) > 0 for key in valkey.command("KEYS", "*"))


# How it stands, as anybody may have written it

FACTS: dict[str, Any] = {
    "leaders": ["5 h:1:x"],
    "members": ["h:1:x"],
    "pending": {"h:1:x": 3},
    "held": 3,
    "lag": 4,
    "length": 7,
    "at": 5000,
    "oldest": 3000,
    "gaps": "2",
    "gap": '{"from":"a","to":"b","reason":"c"}',
    "alive": 1,
}
ODD = [
    None,
    False,
    "",
    "abc",
    "9" * 5000,
    -1,
    1e300,
    [],
    {},
    [1],
    {"a": []},
    "[" * 9999,
]


def test_how_a_group_stands_is_what_was_told():
    found = standing_of("g", FACTS).as_json()
    leader = {"host": "h", "pid": 1, "role": "leader", "pending": 3}
    gap = {"from": "a", "to": "b", "reason": "c"}
    counts = {"lag": 4, "pending": 3, "oldestPending": 2.0, "kept": 7, "gaps": 2}
    who = {"name": "g", "leader": "h:1", "members": [leader]}
    assert found == {**who, **counts, "lastGap": gap}


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:9])
@pytest.mark.parametrize("name", FACTS)
def test_whatever_is_told_of_a_group_can_be_shown(name, odd):
    """Seen: ``status`` ended with exit code 1, also where it looks at other things."""
    text = json.dumps(standing_of("g", {**FACTS, name: odd}).as_json())
    assert len(text) < 1000


@pytest.mark.parametrize(
    "name", ["", ":", "x", "a:²:b", f"h:{'9' * 5000}:x", "h" * 9999]
)
def test_a_member_of_any_name_can_be_shown(name):
    found = standing_of("g", {**FACTS, "members": [name], "leaders": [f"5 {name}"]})
    assert [each.pid for each in found.members] == [0]
    assert len(found.members[0].host) <= 300


async def test_of_very_many_members_some_are_named_and_all_counted(make, valkey):
    store = make("a")
    later = valkey.command("TIME")[0] * 1000 + 100_000
    words = (word for n in range(3000) for word in (later, f"h:{n}:x"))
    valkey.command("ZADD", f"{store.base}:members", *words)
    found = standing_of("g", await store.describe())
    assert (len(found.members), found.alive) == (1000, 3000)


# A Redis that lies

SHAPES = [
    *(b"OK", b"\xff\x1b", 5, -(2**63), None, [], [1], [b"a", b"b"], [[[7]]], {}),
    *([1] * 14, [b"x"] * 14, [None] * 14, [b"x"] * 3, [[[b"abc", [b"n"]]], []]),
    *(
        [[b"other", [[b"1-1", [b"n", b"x"]]]]],
        [[b"k", None]],
        {b"k": 1},
        b"{}",
        b"[[",
        1.5,
    ),
    *(b"null", b"[" * 9999, [[], [5]], [-1], [0], [1, 5], [2**62, 2**62, 2**62, 1]),
]


class Liar:
    """A client whose Redis answers everything in the same way."""

    url = "redis://liar"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def command(self, *words: Any, within: float | None = None) -> Any:
        return self.answer

    def rubbish(self) -> CacheFailed:
        return CacheFailed("it answered with rubbish")


async def _all(entries: Any) -> list[Any]:
    found = []
    async for each in entries:
        found.append(each)
        if len(found) > 20:  # it may say the same for ever
            break
    return found


BATCH = Batch(1, [(0, "{}", "")], ListenerPosition())
STEPS: dict[str, Callable[[GroupStore], Any]] = {
    "check_version": lambda s: s.check_version(),
    "beat": lambda s: s.beat(wants=True),
    "append": lambda s: s.append(0, "1 a", BATCH),
    "present": lambda s: s.present([(0, "1-1")]),
    "trim": lambda s: s.trim(1, 1.0),
    "where": lambda s: s.where(2e9),
    "latest": lambda s: _all(s.latest(10)),
    "read": lambda s: s.read([0], 1, 0.1),
    "held": lambda s: s.held(0, "0", 1),
    "acknowledge": lambda s: s.acknowledge(0, ["1-1"]),
    "claim": lambda s: s.claim(0, 1.0, 1),
    "own": lambda s: s.own(1),
    "leave": lambda s: s.leave(),
    "describe": lambda s: s.describe(),
    "note_gap": lambda s: s.note_gap({}),
}


@pytest.mark.parametrize("name", STEPS)
async def test_an_answer_of_another_form_is_said_to_be_rubbish(name):
    """Seen: exit code 1, or a part of a member that was started again for ever."""
    for answer in SHAPES:
        store = GroupStore(Liar(answer), "0" * 16, "g", member="h:1:a")
        try:
            found = await STEPS[name](store)
        except (CacheFailed, ConfigurationError):
            continue
        if isinstance(found, Standing):
            json.dumps([found.slot, found.fence, found.lag, found.members])
            moment_text(found.oldest or 0.0)


# What goes on failing is said


class Failing:
    """What fails, and what was said of it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.away = False
        self._scene = VirtualClock()
        self.clock = self._scene.clock
        self.failures = RedisFailures(
            self.clock, self.said.append, 10.0, lambda: self.away
        )

    async def fail(self, step: str, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.failures.failed(step, CacheFailed("it refuses", "look"))
            await self.clock.sleep(1.0)


@in_virtual_time
async def test_what_fails_for_a_lease_is_said_once_until_it_works():
    """Seen: a group stood still, each part trying again, and nobody said a word."""
    scene = Failing()
    await scene.fail("append", 9)
    assert not scene.said
    await scene.fail("append", 60)
    assert scene.said == ["it refuses (look); what arrives waits here"]
    scene.failures.worked("append")
    await scene.fail("append", 20)
    assert len(scene.said) == 2


@in_virtual_time
async def test_what_fails_now_and_then_or_while_redis_is_away_is_not_said():
    scene = Failing()
    for _ in range(20):
        await scene.fail("read", 5)
        scene.failures.worked("read")
    scene.away = True
    await scene.fail("read", 60)
    await scene.fail("let_go", 60)
    assert not scene.said


# Members whose clocks differ


class Answering:
    """A store whose Redis is some seconds ahead of us."""

    lease, name = 10.0, "g"

    def __init__(self, ahead: float, heard_at: str = "") -> None:
        self.asked: list[str] = []
        self.standing = Standing(0, at=EPOCH + ahead, members=1, heard_at=heard_at)

    async def check_version(self) -> None: ...

    async def beat(self, **said: Any) -> Standing:
        self.asked.append(said["leading"].heard_at)
        return self.standing


@pytest.mark.parametrize("ahead", [-3600.0, 0.3, 86400.0])
@in_virtual_time
async def test_until_when_a_server_was_heard_is_kept_by_one_clock(ahead):
    """Seen: a leader an hour ahead was followed by one that told no gap."""
    ours = moment_text(EPOCH - 5)
    theirs = moment_text(EPOCH - 5 + ahead) if abs(ahead) > 1 else ours
    store = Answering(ahead, theirs)
    says = Leading(1, ours)
    membership = Membership(store, VirtualClock().clock, print, lambda: says)
    await membership.beat(leads=True)
    await membership.beat(leads=True)
    assert store.asked[1] == theirs
    assert membership.handled_until == ours


def test_a_moment_that_is_not_known_stays_so_by_every_clock():
    assert shifted("", 5.0) == ""
    assert shifted(moment_text(10.0), 5.0) == moment_text(15.0)


def test_a_listener_of_no_group_that_can_be_hides_no_other(home, server, clean_valkey):
    """Seen: one entry with such a name, and ``status`` knew of no group at all."""
    home.use(server)
    home.env["REDIS_URL"] = clean_valkey.url
    member = home.start("listen", "--group", "workers", "--json")
    member.says("Connected")
    until(lambda: clean_valkey.command("KEYS", "*:listener:*"), "its entry")
    [entry] = clean_valkey.command("KEYS", "*:listener:*")
    [index] = clean_valkey.command("KEYS", "*:listeners:*")
    facts = json.loads(clean_valkey.command("GET", entry))
    places = json.loads(clean_valkey.command("GET", index))
    for number, name in enumerate(["\x1b[31m", " ", "x" * 5000, "taken"]):
        other = f"{number:032x}"
        places[other] = max(places.values())
        text = json.dumps({**facts, "group": name})
        key = entry.decode().rpartition(":")[0]
        clean_valkey.command("SET", f"{key}:{other}", text, "PX", 60_000)
    clean_valkey.command("SET", index, json.dumps(places), "PX", 60_000)
    base = entry.decode().partition(":listener:")[0]
    clean_valkey.command("SET", f"{base}:group:taken:meta", "of another type")
    done = home.within("status", "--json")
    assert [each["name"] for each in json.loads(done.stdout)["groups"]] == ["workers"]


def test_a_part_of_a_group_that_is_refused_is_said_while_the_rest_goes_on(
    home, server, clean_valkey
):
    """Seen: a member that leads, takes nothing, and says nothing."""
    home.use(server)
    home.env |= {"REDIS_URL": clean_valkey.url, "NOTIFYWS_GROUP_LEASE": "1"}
    listen = "listen", "--group", "workers", "--json", "--key", "type"
    member = home.start(*listen)
    member.says("Connected")
    [meta_key] = clean_valkey.command("KEYS", "*:meta")
    base = meta_key.decode().removesuffix(":meta")
    spoil = "redis.call('DEL', KEYS[1]); redis.call('LPUSH', KEYS[1], 'x')"
    for number in range(32):
        clean_valkey.command("EVAL", spoil, "1", f"{base}:owner:{number}")
    member.says("(see who else writes there); this member takes nothing")


def test_what_tells_two_notifications_apart_is_short():
    """Seen: with several sockets, Redis kept the text of each: 20,000 of a megabyte."""
    marks = {
        Marks(print).mark(Notification({"type": "t", "timestamp": "x", **more}, ""))
        for more in (
            *({"message": "x" * 1_000_000}, {"message": "\ud800"}, {"title": "a"}),
            *({"id": 1}, {"id": "1"}, {"id": 1, "title": "a"}, {"data": [1]}),
        )
    }
    assert len(marks) == 7
    assert max(map(len, marks)) == 32


async def test_a_line_of_a_time_with_more_streams_finds_its_place(make, valkey):
    """Seen: what was spooled could never be appended, nor could what came later."""
    a = make("a")
    proof = (await leading(a)).proof
    places = await a.append(0, proof, batch(1, "x", stream=17))
    assert [stream for stream, _ in places] == [0]
    assert (await a.present(places))[1] == [True]


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "-1e999"])
def test_a_kept_line_that_is_no_strict_json_is_no_notification(value):
    """Seen: ``--json`` printed NaN, and beside an accent it ended with exit code 1."""
    with pytest.raises(ValueError, match="it is no notification"):
        notification_of(f'{{"type":"é","data":[{value}]}}')
    assert notification_of('{"type":"é","data":[1.5e3,-0.0]}').data == [1500.0, 0.0]


def test_a_kept_line_is_as_deep_as_it_can_be_written_again():
    """Seen: one of 950 levels could be read, and not be written: exit code 1."""
    for levels, is_one in ((590, True), (620, False), (950, False), (99_999, False)):
        line = f'{{"type":"é","data":{"[" * levels}{"]" * levels}}}'
        if is_one:
            assert notification_of(line).line().isascii()
        else:
            with pytest.raises(ValueError, match="it is no notification"):
                notification_of(line)


# What is large


async def test_of_large_entries_few_are_counted_and_trimmed_in_one_step(make, valkey):
    """Seen: Redis read 2,000 of a megabyte in one step, in which it does nothing else;
    each was given up after a second, and the stream grew."""
    a = make("a")
    await leading(a)
    line = json.dumps({"type": "t", "title": "x" * 1_000_000})
    for _ in range(30):
        valkey.command("XADD", a.base, "*", "n", line)
    steps = [await a.trim(1, 0.0) for _ in range(3)]
    assert [lost for lost, *_ in steps] == [10, 10, 9]
    assert [more for *_, more in steps] == [True, True, False]


async def test_behind_small_entries_few_large_ones_are_trimmed_in_one_step_too(
    make, valkey
):
    """Seen: the oldest was taken for one like all others."""
    a = make("a")
    await leading(a)
    for size in [10] * 20 + [1_000_000] * 30:
        valkey.command("XADD", a.base, "*", "n", "x" * size)
    steps = [await a.trim(1, 0.0) for _ in range(4)]
    assert [lost for lost, *_ in steps] == [30, 10, 9, 0]
    assert [more for *_, more in steps] == [True, True, False, False]


async def test_what_nobody_has_read_is_counted_up_to_some_megabytes(make, valkey):
    """A Redis before 7, or a stream of which something was deleted, does not know."""
    a = make("a")
    await leading(a)
    for size, count, told in ((10, 300, 300), (1_000_000, 30, 10)):
        valkey.command("XTRIM", a.base, "MAXLEN", 0)
        ids = [
            valkey.command("XADD", a.base, "*", "n", "x" * size)
            for _ in range(count + 2)
        ]
        valkey.command("XGROUP", "SETID", a.base, "members", ids[0])
        valkey.command("XDEL", a.base, ids[-1])
        assert (await leading(a)).lag == told


async def test_a_stream_is_read_back_in_pages_of_a_size_however_large_its_entries(
    make, valkey
):
    """Seen: behind small ones, five hundred of a megabyte were one answer."""
    a = make("a")
    await leading(a)
    for size in [900_000] * 6 + [10] * 20:
        valkey.command("XADD", a.base, "*", "n", "x" * size)
    sizes = [len(entry.line or "") async for entry in a.latest()]
    assert sizes == [10] * 20 + [900_000] * 6
    how = stream_scripts.BACK, 1, a.base, "+", 500, LARGEST_STEP
    assert len(valkey.command("EVAL", *how)) == 22


class Reading:
    """A member that reads, and what of it waits for whoever shows things."""

    def __init__(self, store: GroupStore) -> None:
        self.queue: DeliveryQueue[Any] = DeliveryQueue(10_000, 16 << 20)
        settings = load(environ={}).settings
        self.member = GroupMember(
            *(store, self.queue, [], settings, real_clock()),
            write_dead_letters=lambda letter: None,
            warn=print,
            selection=None,
            lost=print,
        )


async def test_a_member_holds_no_more_of_large_entries_than_of_small_ones(make, valkey):
    """Seen: a thousand of a megabyte each, with whoever reads its output asleep."""
    a = make("a")
    await leading(a)
    line = json.dumps({"type": "t", "title": "x" * 1_000_000})
    for _ in range(60):
        valkey.command("XADD", a.base, "*", "n", line)
    reading = Reading(a)
    member, shown = reading.member, 0
    member.start()
    member.read_from([0])
    try:
        while shown < 60:
            async with asyncio.timeout(20):
                items = await reading.queue.get()
            shown += len(items)
            assert member.in_hand.size <= BYTES + FIRST * len(line)
    finally:
        await member.aclose(0.1)
    assert shown == 60


async def test_members_with_another_number_of_sockets_are_told_so(make, valkey):
    """Seen: one that looks for what others appended, and one that does not: twice."""
    one, several = make("a"), make("b", sockets=2)
    await leading(one)
    with pytest.raises(ConfigurationError, match="run with --sockets 1"):
        await several.beat(wants=True)
    await one.leave()
    assert await several.beat(wants=True)
    assert await several.beat(wants=True)
    with pytest.raises(ConfigurationError, match="run with --sockets 2"):
        await one.beat(wants=True)
