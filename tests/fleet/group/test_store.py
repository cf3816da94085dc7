"""A group in a real Redis: what each script promises, and who is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.errors import CacheFailed, ConfigurationError
from notifyws.fleet.group.entries import Batch, Entry, Leading, Standing, moment
from notifyws.fleet.group.keys import DISTINCT
from notifyws.fleet.group.store import GroupStore
from notifyws.fleet.group.stream import MANY, unpacked
from tests.support.resp import scripted


def batch(number: int, *titles: str, stream: int = 0, tell: str = "") -> Batch:
    lines = [(stream, f'{{"type":"t","title":"{t}"}}', tell and t) for t in titles]
    return Batch(number, lines, ListenerPosition(titles[-1] if titles else None))


async def leading(store: GroupStore, **how: Any) -> Standing:
    """Beat, and want to lead; the standing of one who does."""
    standing = await store.beat(wants=True, **how)
    assert standing.slot >= 0
    return standing


async def led(make, **how: Any) -> tuple[GroupStore, str]:
    """The store of a member that leads, and the proof of it."""
    store = make("a", **how)
    return store, (await leading(store)).proof


async def titles_of(store: GroupStore) -> list[str]:
    entries = [e async for e in store.latest(1000)]
    return [(each.line or "").split('"')[-2] for each in reversed(entries)]


# Who leads


async def test_one_member_leads_and_the_others_see_it(make):
    a, b = make("a"), make("b")
    first = await a.beat(wants=True)
    assert (first.slot, first.proof, first.began) == (0, "1 h:1:a", 1)
    assert first.previous == ""
    second = await b.beat(wants=True)
    assert (second.slot, second.proof) == (-1, "")
    assert (second.leader, second.fence, second.members) == ("h:1:a", 1, 2)
    assert 0 < (second.next_lease or 0) <= a.lease


async def test_a_lease_is_kept_by_beats_and_ends_without(make):
    a, b = make("a", lease=0.2), make("b", lease=0.2)
    await leading(a)
    for _ in range(3):
        await asyncio.sleep(0.1)
        assert (await leading(a)).proof == "1 h:1:a"
        assert (await b.beat(wants=True)).slot == -1
    await asyncio.sleep(0.25)
    after = await leading(b)
    assert (after.proof, after.began, after.previous) == ("2 h:1:b", 2, "1 h:1:a")


async def test_who_takes_a_lease_again_led_without_a_break(make):
    a, b = make("a", lease=0.05), make("b", lease=0.05)
    began = (await leading(a)).began
    await asyncio.sleep(0.1)
    again = await leading(a, leads=True)
    assert (again.proof, again.began, again.previous) == ("2 h:1:a", began, "")
    await asyncio.sleep(0.1)
    await leading(b)
    await asyncio.sleep(0.1)
    broken = await leading(a, leads=True)
    assert (broken.began, broken.previous) == (4, "3 h:1:b")


async def test_a_lease_whose_taking_was_never_answered_is_a_members_own(make):
    a = make("a")
    await leading(a)  # the answer is lost: nobody knows the proof
    again = await leading(a)
    assert (again.slot, again.proof, again.began) == (0, "1 h:1:a", 1)


async def test_who_does_not_want_to_lead_gives_the_lease_back(make):
    a, b = make("a"), make("b")
    await leading(a)
    gone = await a.beat(wants=False)
    assert (gone.slot, gone.leader) == (-1, "")
    await leading(b)


async def test_letting_go_ends_only_ones_own_lease(make):
    a, b = make("a"), make("b")
    proof = (await leading(a)).proof
    await b.let_go(0, "1 h:1:b")
    assert (await b.beat(wants=True)).slot == -1
    await a.let_go(0, proof)
    assert (await leading(b)).previous == proof


async def test_a_beat_that_comes_too_late_takes_no_lease_and_keeps_ones_own(make):
    a, b = make("a"), make("b")
    now = (await a.beat(wants=False)).at
    assert (await b.beat(wants=True, late=now - 1)).slot == -1
    await leading(a, late=now + 60)
    await leading(a, late=now - 1)


async def test_a_new_fence_is_beyond_all_that_a_member_knows(make):
    a = make("a")
    assert (await leading(a, floor=41, leads=True)).fence == 42


async def test_where_redis_forgot_everything_who_led_comes_first(make, valkey):
    a, b, c = make("a", lease=0.3), make("b", lease=0.3), make("c", lease=0.3)
    await leading(a)
    valkey.flush()
    assert (await b.beat(wants=True, floor=1)).slot == -1
    assert (await c.beat(wants=True, floor=1)).slot == -1
    back = await leading(a, floor=1, leads=True)
    assert (back.fence, back.began, back.previous) == (2, 2, "")


async def test_where_redis_forgot_everything_another_leads_after_a_lease(make):
    b = make("b", lease=0.1)
    assert (await b.beat(wants=True, floor=7)).slot == -1
    await asyncio.sleep(0.15)
    assert (await leading(b, floor=7)).fence == 8


async def test_several_sockets_are_led_by_several_members(make):
    a, b, c = (make(name, sockets=2) for name in "abc")
    assert (await leading(a)).slot == 0
    assert (await leading(b)).slot == 1
    assert (await c.beat(wants=True)).slot == -1
    again = await leading(a, leads=True)
    assert (again.slot, again.began) == (0, 1)


# What other sockets heard


OPEN = Leading(heard_at="2024-01-15T10:30:00.000Z", open_for=9.0)


async def test_of_another_socket_it_is_told_since_when_it_is_open_and_was_heard(
    make, valkey
):
    a, b = make("a", sockets=2), make("b", sockets=2)
    one, two = await leading(a), await leading(b)
    assert (one.others, two.others) == ((), ())
    open_now = replace(OPEN, began=two.began)
    told = await leading(b, leading=open_now, age=2.0)
    assert (await leading(a)).others == ((told.at - 9, told.at - 2),)
    assert told.others == ()
    later = replace(open_now, heard_at="2024-01-15T10:30:09.000Z", has_open_gaps=True)
    told = await leading(b, leading=later)
    assert told.heard_at == OPEN.heard_at
    assert (await leading(a)).others == ((told.at - 9, told.at),)
    await leading(b)  # it is cut
    assert (await leading(a)).others == ()
    await leading(b, leading=open_now)
    valkey.command("DEL", f"{b.base}:lease:1")
    assert (await leading(a)).others == ()  # nobody will tell more of it


# Where Redis went back


async def test_a_redis_that_went_back_does_not_know_of_a_leaders_beat(make, valkey):
    a, b = make("a"), make("b")
    led: dict[str, Any] = {"leads": True}
    then = (await leading(a)).at
    kept = valkey.snapshot()
    await asyncio.sleep(0.01)
    late = (await leading(a, answered=then, **led)).at
    joined = (await b.beat(wants=True)).at
    assert (await leading(a, answered=late, **led)).back_to is None
    valkey.go_back(kept)
    assert (await b.beat(wants=True, answered=joined)).back_to is None
    for _ in range(2):  # the first answer is lost
        noticed = await leading(a, answered=late, **led)
        assert noticed.back_to == then
    valkey.command("DEL", f"{a.base}:lease:0")  # it dies: who comes next is told
    noticed = await leading(b, answered=joined)
    assert noticed.back_to == then
    assert (await leading(b, answered=noticed.at, **led)).back_to is None


async def test_a_redis_that_lost_a_batch_may_have_lost_all_since_it_knew_it(make):
    """Seen: a beat came first, and what was lost before it counted as handled."""
    a = make("a")
    standing = await leading(a)
    for number in (8, 9, 10):
        await a.append(0, standing.proof, batch(number, "x"))

    async def beat(number: int, answered: float) -> Standing:
        name = a.name_of(batch(number))
        says = Leading(standing.began, last_batch=name)
        how = {"answered": answered, "agreed": standing.at}
        return await leading(a, leading=says, **how)

    known = await beat(9, standing.at)  # another one was on its way
    assert known.back_to is None
    assert (await beat(11, known.at)).back_to == standing.at


async def test_who_led_leads_on_where_redis_went_back_to_another_leader(make, valkey):
    """Seen: it was deposed, and all that it had appended was gone without a word."""
    a, b = make("a"), make("b")
    first = await leading(a)
    kept = valkey.snapshot()
    await a.let_go(0, first.proof)
    mine = await leading(b)
    how = {"leads": True, "answered": mine.at, "floor": mine.fence}
    says = Leading(mine.began, OPEN.heard_at)
    assert (await leading(b, leading=says, **how)).heard_at == OPEN.heard_at
    valkey.go_back(kept)
    valkey.command("DEL", f"{a.base}:lease:0")
    after = await leading(b, leading=says, **how)
    assert (after.began, after.fence) == (mine.began, mine.fence + 1)
    assert after.heard_at == OPEN.heard_at
    valkey.go_back(kept)
    valkey.command("DEL", f"{a.base}:lease:0")
    other = make("c")
    another = await leading(other, floor=mine.fence)
    await other.let_go(0, another.proof)
    after = await leading(b, leading=says, **how)
    assert (after.began, after.previous) == (after.fence, another.proof)
    assert after.heard_at == ""


# What is refused


async def test_a_group_of_another_version_is_left_alone(make, valkey):
    a = make("a")
    valkey.command("HSET", f"{a.base}:meta", "v", "99", "key", "")
    with pytest.raises(ConfigurationError, match="another version"):
        await a.beat(wants=True)
    assert valkey.command("HGET", f"{a.base}:meta", "v") == b"99"
    assert valkey.command("EXISTS", a.base) == 0


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [("", "data.a", "has --key 'data.a'"), ("data.b", "", "has no --key")],
)
async def test_a_group_with_another_key_is_left_alone(make, ours, theirs, words):
    await make("a", key=theirs).beat(wants=True)
    with pytest.raises(ConfigurationError, match=words):
        await make("b", key=ours).beat(wants=True)


def version(said: str) -> str:
    text = f"# Server\r\nredis_version:{said}\r\n"
    return f"${len(text)}\r\n{text}"


VERSIONS = [
    *((version(said), ConfigurationError) for said in ("6.0.16", "5.0.7")),
    *((version(said), None) for said in ("6.2.0", "7.2.4", "x")),
    *((said, None) for said in ("-NOPERM no permissions", "-ERR unknown command")),
    ("-LOADING it is", CacheFailed),
]


@pytest.mark.parametrize(("answer", "error"), VERSIONS)
async def test_a_redis_that_is_too_old_is_refused_and_one_that_cannot_say_is_believed(
    make, answer, error
):
    async with scripted(f"{answer}\r\n".encode()) as redis:
        asking = make(url=redis.url).check_version()
        if error is None:
            await asking
        else:
            with pytest.raises(error, match=r"needs Redis|loading"):
                await asking


# What is appended


async def test_who_holds_the_lease_appends_and_moves_the_position(make):
    a = make("a")
    standing = await leading(a)
    await leading(a, leading=Leading(standing.began, "2024-01-15T10:30:00.000Z"))
    proof = standing.proof
    places = await a.append(0, proof, batch(1, "x", "y"))
    assert places is not None
    assert [place for place, _ in places] == [0, 0]
    assert places[0][1] < places[1][1]
    assert await titles_of(a) == ["x", "y"]
    position = await a.where(2e9)
    assert (position.last_id, position.heard_at) == ("y", "2024-01-15T10:30:00.000Z")


async def test_until_when_the_server_was_heard_is_told_by_who_leads(make):
    a, b = make("a"), make("b")
    one, two, lies = (f"2024-01-15T10:30:0{n}.000Z" for n in (1, 2, 9))
    began = (await leading(a)).began
    await leading(a, leading=Leading(began, one))
    assert (await b.beat(wants=True, leading=Leading(began, lies))).heard_at == one
    assert (await leading(a)).heard_at == one
    assert (await leading(a, leading=Leading(began, two))).heard_at == two
    assert (await leading(a, leading=Leading(began + 1, lies))).heard_at == two


async def test_who_was_asleep_writes_nothing_more(make):
    a, b = make("a", lease=0.05), make("b")
    late = (await leading(a)).proof
    await asyncio.sleep(0.1)
    assert await a.append(0, late, batch(1, "nobody leads")) is None
    await leading(b)
    assert await a.append(0, late, batch(1, "b leads")) is None
    assert await titles_of(b) == []
    assert (await b.where(2e9)).last_id is None


async def test_a_batch_that_is_tried_again_is_appended_once(make):
    a, proof = await led(make)
    assert await a.append(0, proof, batch(1, "x"))
    assert await a.append(0, proof, batch(1, "x"), again=True) == []
    assert await a.append(0, proof, batch(2, "y"), again=True)
    assert await titles_of(a) == ["x", "y"]


async def test_a_batch_of_another_leadership_is_another_one(make):
    """Seen: the first batch of a member that led again counted as appended."""
    a, proof = await led(make)
    assert await a.append(0, proof, replace(batch(1, "x"), began=1))
    assert await a.append(0, proof, replace(batch(1, "y"), began=3), again=True)
    assert await titles_of(a) == ["x", "y"]


async def test_a_batch_of_another_member_is_another_one(make):
    a, b = make("a", lease=0.05), make("b")
    await a.append(0, (await leading(a)).proof, batch(1, "x"))
    await asyncio.sleep(0.1)
    assert await b.append(0, (await leading(b)).proof, batch(1, "x"), again=True)


async def test_what_two_sockets_bring_is_appended_once(make):
    a, b = make("a", sockets=2), make("b", sockets=2)
    one, two = (await leading(a)), (await leading(b))
    places = await a.append(0, one.proof, batch(1, "x", "y", tell="id"))
    assert [one.at <= moment(place) < one.at + 5 for _, place in places] == [True] * 2
    assert await b.append(1, two.proof, batch(1, "x", "y", "z", tell="id"))
    assert await titles_of(a) == ["x", "y", "z"]
    assert await a.append(1, one.proof, batch(2, "w", tell="id")) is None


async def test_what_a_new_leader_does_not_know_of_is_told_from_nothing(make):
    """Seen: the first of an id that had come 6,000 notifications before was dropped."""
    a = make("a", sockets=2)
    standing = await leading(a)
    await a.append(0, standing.proof, batch(1, "x", tell="id"))
    await asyncio.sleep(0.005)
    later = (await leading(a)).at
    await a.append(0, standing.proof, batch(2, "y", tell="id"))
    await a.forget_marks(until=later)
    await a.append(0, standing.proof, batch(3, "x", "y", tell="id"))
    assert await titles_of(a) == ["x", "y", "x"]
    await a.forget_marks(since=later)
    await a.append(0, standing.proof, batch(4, "x", "y", tell="id"))
    assert await titles_of(a) == ["x", "y", "x", "x", "y"]


async def test_only_so_many_ids_of_two_sockets_are_remembered(make, valkey):
    a, proof = await led(make, sockets=2)
    for n in range(0, DISTINCT + 500, 500):
        titles = [f"{n + k:06}" for k in range(500)]
        await a.append(0, proof, batch(n, *titles, tell="id"))
    assert valkey.command("ZCARD", f"{a.base}:ids") == DISTINCT
    length = valkey.command("XLEN", a.base)
    await a.append(0, proof, batch(9, f"{DISTINCT:06}", "000000", tell="id"))
    assert valkey.command("XLEN", a.base) == length + 1


async def test_what_is_there_and_who_led_last_can_be_asked(make, valkey):
    a, proof = await led(make)
    places = await a.append(0, proof, batch(1, "x", "y", "z"))
    valkey.command("XDEL", a.base, places[1][1])
    assert await a.present(places) == (proof, [True, False, True])
    assert await a.present([]) == (proof, [])
    valkey.flush()
    assert await a.present(places) == ("", [False, False, False])


async def test_of_two_sockets_nothing_is_looked_for(make):
    a, proof = await led(make, sockets=2)
    places = await a.append(0, proof, batch(1, "x", tell="id"))
    assert await a.present(places) == (proof, [False])


# What is trimmed


async def filled(a: GroupStore, count: int) -> None:
    proof = (await leading(a)).proof
    await a.append(0, proof, batch(1, *(str(n) for n in range(count))))


async def test_only_so_many_are_kept_and_what_nobody_read_is_told(make):
    a = make("a")
    await filled(a, 10)
    await a.read([0], 4, 0.1)
    lost, first, last, more = await a.trim(count=3, age=0)
    at = (await a.beat(wants=True)).at
    assert (lost, more) == (3, False)  # seven went, and four of them were read
    assert at - 5 < first <= last <= at
    assert await titles_of(a) == ["7", "8", "9"]
    assert await a.trim(count=3, age=0) == (0, 0, 0, False)


async def test_what_is_too_old_goes_in_parts(make):
    a = make("a")
    await filled(a, 10)
    await asyncio.sleep(0.03)
    assert (await a.trim(100, 60))[0] == 0
    lost, _, _, more = await a.trim(100, 0.02, most=6)
    assert (lost, more) == (6, True)
    lost, _, _, more = await a.trim(100, 0.02, most=6)
    assert (lost, more) == (4, False)
    assert await titles_of(a) == []


async def test_a_group_that_has_nothing_yet_is_trimmed_too(make):
    assert await make("a").trim(10, 10) == (0, 0, 0, False)


# Who takes what


async def shared(make, **how: Any) -> tuple[GroupStore, GroupStore, list[Entry]]:
    """A leader, a member, and what that was given: two of three entries."""
    a, b = make("a"), make("b", **how)
    await filled(a, 3)
    await b.beat(wants=False)
    return a, b, await b.read([0], 2, 0.1)


async def test_each_entry_goes_to_one_member(make):
    a, b = make("a"), make("b")
    await filled(a, 4)
    one, two = await a.read([0], 2, 0.1), await b.read([0], 9, 0.1)
    assert [len(one), len(two)] == [2, 2]
    assert not {each.id for each in one} & {each.id for each in two}
    assert await a.read([0], 9, 0.01) == []
    await a.beat(wants=True)
    standing = await b.beat(wants=True)
    assert (standing.pending, standing.own, standing.lag) == (4, 2, 0)


async def test_what_was_given_can_be_asked_for_until_it_is_acknowledged(make):
    a = make("a")
    await filled(a, 4)
    given = await a.read([0], 4, 0.1)
    assert await a.held(0, "0", 10) == given
    assert await a.held(0, given[1].id, 1) == given[2:3]
    await a.acknowledge(0, [each.id for each in given[:3]])
    assert await a.held(0, "0", 10) == given[3:]
    standing = await a.beat(wants=True)
    assert (standing.pending, standing.own) == (1, 1)
    assert standing.oldest == given[3].at


async def test_what_a_dead_member_held_is_claimed_after_its_time(make):
    a, _, given = await shared(make, lease=0.05)
    assert await a.claim(0, 0.0, 10) == []  # it lives
    await asyncio.sleep(0.1)
    assert await a.claim(0, 60.0, 10) == []  # it was busy just now
    assert await a.claim(0, 0.05, 1) == given[:1]
    assert await a.claim(0, 0.05, 10) == given[1:]
    assert await a.held(0, "0", 10) == given


async def test_what_was_given_back_is_claimed_at_once(make):
    a, b, given = await shared(make)
    assert await b.leave() == []
    assert (await a.beat(wants=True)).members == 1
    assert await a.claim(0, 60.0, 10) == given


async def test_what_was_trimmed_before_its_member_left_is_told(make, valkey):
    a, b, given = await shared(make)
    valkey.command("XDEL", a.streams[0], given[0].id)
    assert await b.leave() == [given[0].id]
    assert await a.claim(0, 60.0, 10) == given[1:]


async def test_a_refusal_that_waiting_does_not_mend_is_told(make, valkey):
    store, told = make("a"), []
    store.on_refused = lambda error: told.append(error.code)
    valkey.command("ACL", "SETUSER", "default", "-xack")
    try:
        with pytest.raises(CacheFailed, match="xack"):
            await store.acknowledge(0, ["1-1"])
    finally:
        valkey.command("ACL", "SETUSER", "default", "+@all")
    assert told == ["NOPERM"]


async def test_what_others_hold_of_ones_own_stream_is_taken(make):
    a, b = make("a", key="data.k"), make("b", key="data.k")
    proof = (await leading(a)).proof
    await a.append(0, proof, batch(1, "x", stream=7))
    await b.beat(wants=False)
    given = await b.read([7], 9, 0.1)
    assert await a.claim(7, 0.0, 10) == []
    assert await a.claim(7, 0.0, 10, own=True) == given


async def test_what_was_trimmed_before_it_was_claimed_is_told(make, valkey):
    a, b = make("a"), make("b")
    await filled(a, 3)
    given = await b.read([0], 2, 0.1)
    valkey.command("XDEL", a.base, given[0].id)
    assert await a.claim(0, 0.0, 10) == [*given[1:], Entry(0, given[0].id, None)]
    assert await b.held(0, "0", 10) == []
    held = await a.held(0, "0", 10)
    assert held == given[1:]


async def test_what_was_trimmed_in_ones_hands_has_no_line(make, valkey):
    a = make("a")
    await filled(a, 1)
    (given,) = await a.read([0], 2, 0.1)
    valkey.command("XDEL", a.base, given.id)
    (held,) = await a.held(0, "0", 10)
    assert (held.id, held.line) == (given.id, None)


async def test_a_partition_is_one_members_at_a_time(make):
    a, b = make("a", key="k", lease=0.1), make("b", key="k")
    assert await a.own(20) == list(range(20))
    assert await b.own(20) == list(range(20, 32))
    await b.disown(0)  # it is not b's
    assert 0 in await a.own(20)
    await a.disown(3)
    assert 3 in await b.own(20)
    await asyncio.sleep(0.15)
    assert len(await b.own(32)) == 32


async def test_the_latest_come_newest_first(make):
    a = make("a")
    await filled(a, 1200)
    entries = [e async for e in a.latest(1100)]
    assert len(entries) == 1100
    assert entries[0].line == '{"type":"t","title":"1199"}'
    assert entries[-1].line == '{"type":"t","title":"100"}'


async def test_the_latest_are_those_of_every_stream(make):
    a, proof = await led(make, key="k")
    for n, stream in enumerate((3, 5)):
        await a.append(0, proof, batch(n, "1", "2", "3", stream=stream))
    found = [(each.stream, each.line) for each in [e async for e in a.latest(64)]]
    line = '{"type":"t","title":"%s"}'
    assert found == [(n, line % title) for n in (3, 5) for title in (3, 2)]


async def test_gaps_are_counted_and_the_latest_is_kept(make):
    a = make("a")
    await a.note_gap({"from": "x", "to": "y", "reason": "one"})
    await a.note_gap({"from": "y", "to": "z", "reason": "two"})
    told = await a.describe()
    assert told["gaps"] == "2"
    assert '"two"' in told["gap"]


async def test_many_entries_are_given_as_one_text_and_are_what_they_are(make, valkey):
    a, proof = await led(make, key="data.x")
    titles = [f"é\n{n} 7 " for n in range(4 * MANY)]
    for number, stream in enumerate((0, 3)):
        await a.append(0, proof, batch(number + 1, *titles, stream=stream))
    valkey.command("XADD", a.streams[3], "*", "odd", "x", "n", b"\xff")
    valkey.command("XADD", a.streams[3], "*", "odd", "x")
    first = await a.read([0, 3], MANY, 0.1)
    rest = await a.read([0, 3], 9 * MANY, 0.1)
    assert (len(first), len(rest)) == (2 * MANY, 6 * MANY + 2)
    for stream in (0, 3):
        held = await a.held(stream, "0", 9 * MANY)
        assert [each for each in first + rest if each.stream == stream] == held
    assert [each.line for each in rest[-2:]] == ["\ufffd", ""]
    assert await a.read([0, 3], 9, 0.01) == []
    assert await a.read([0, 3], 9, 0.01) == []


@pytest.mark.parametrize(
    "packed",
    [
        *(b"0 1-1", b"0 1-1 x\n", b"x 1-1 0\n", b"0 1-1 0 0\n", b"\n"),
        *(b"0 1-1 -1\n", b"0 1-1 -9\nxyz", b"0 1-1 4\nxyz"),
    ],
)
def test_a_text_that_tells_of_no_entries_is_none(packed):
    with pytest.raises(ValueError, match=r".+"):
        list(unpacked(packed))
