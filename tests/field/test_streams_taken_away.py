"""A group's stream that somebody else empties, evicts or forgets."""

from __future__ import annotations

import pytest

from notifyws.fleet.group.entries import Leading
from notifyws.fleet.group.stream import BatchForgotten
from tests.fleet.group.test_store import batch, leading, titles_of

MANY = [f"n{n}" for n in range(20)]


async def read(store, count):
    """Have a member take so many, and be done with them."""
    for entry in await store.read([0], count, 0.1):
        await store.acknowledge(0, [entry.id])


@pytest.mark.parametrize(
    ("handled", "words", "lost"),
    [
        (3, ("DEL",), True),
        (3, ("XTRIM", "MAXLEN", 0), True),
        (3, ("XTRIM", "MAXLEN", 5), True),
        (3, ("XTRIM", "MAXLEN", 17), False),
        (20, ("XTRIM", "MAXLEN", 0), False),
        (20, ("XTRIM", "MAXLEN", 5), False),
        (3, ("XGROUP", "DESTROY"), True),
    ],
)
async def test_unread_entries_that_somebody_took_away_are_noticed_once(
    make, valkey, handled, words, lost
):
    """Seen: Redis evicts a stream like any other key, and its memory of it stays."""
    store, other = make("a"), make("b")
    standing = await leading(store)
    await store.append(0, standing.proof, batch(1, *MANY))
    await read(store, handled)
    assert (await leading(store)).lost == 0
    stream = store.base
    if words[0] == "XGROUP":
        valkey.command(*words, stream, "members")
    else:
        valkey.command(words[0], stream, *words[1:])
    await other.beat(wants=True)  # whoever comes first
    noticed = (await leading(store)).lost
    assert (noticed > 0) is lost
    assert (await leading(store)).lost == noticed
    assert (await leading(store, dealt_with=noticed)).lost == 0
    assert (await leading(store)).lost == 0
    await store.append(0, standing.proof, batch(2, "later"))
    assert "later" in await titles_of(store)
    assert (await leading(store)).lost == 0


async def test_what_the_group_itself_trims_unread_is_told_once(make, valkey):
    store = make("a")
    standing = await leading(store)
    await store.append(0, standing.proof, batch(1, *MANY))
    await read(store, 3)
    assert (await store.trim(5, 0))[0] == 12
    assert (await leading(store)).lost == 0
    assert (await leading(store)).lag == 5
    assert (await store.trim(0, 0))[0] == 5
    after = await leading(store)
    assert (after.lost, after.lag) == (0, 0)


async def test_a_group_that_is_new_has_lost_nothing(make, valkey):
    store = make("a", key="type")
    standing = await leading(store)
    assert (standing.lost, standing.back_to) == (0, None)
    await store.append(0, standing.proof, batch(1, "x", stream=7))
    says = Leading(standing.began, last_batch=store.name_of(batch(1, "x")))
    after = await leading(store, leading=says)
    assert (after.lost, after.back_to) == (0, None)


async def test_what_has_no_mark_is_appended_by_each_socket(make, valkey):
    store = make("a", sockets=2)
    standing = await leading(store)
    for number in (1, 2):
        assert await store.append(0, standing.proof, batch(number, "door"))
        assert await store.append(0, standing.proof, batch(number, "x", tell="y"))
    assert await titles_of(store) == ["door", "x", "door"]


async def test_a_redis_that_knows_of_another_batch_appends_nothing_after_it(
    make, valkey
):
    store = make("a")
    standing = await leading(store)
    first, second = batch(1, "x"), batch(2, "y")
    await store.append(0, standing.proof, first)
    name = store.name_of(first)
    assert await store.append(0, standing.proof, second, after=name)
    valkey.command("HSET", f"{store.base}:meta", "batch", name)
    after = store.name_of(second)
    says, told = Leading(standing.began, last_batch=after), (await leading(store)).at
    assert (await leading(store, leading=says, agreed=told)).back_to == told
    how = standing.proof, batch(3, "z")
    for again in (False, True):
        with pytest.raises(BatchForgotten, match="appended last"):
            await store.append(0, *how, after=after, again=again)
    assert await store.append(0, standing.proof, batch(3, "z"), again=True)
    assert await titles_of(store) == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (None, (False, False)),
        (("XGROUP", "DESTROY"), (True, False)),
        (("DEL",), (True, True)),
    ],
)
async def test_who_reads_again_goes_on_after_what_it_had(make, valkey, words, found):
    """Seen: it read nothing any more, for good."""
    store, reader = make("a"), make("r", consumers="replay:x")
    standing = await leading(store)
    await store.append(0, standing.proof, batch(1, "a", "b", "c"))
    await reader.begin_at("0")
    assert len(await reader.read([0], 2, 0.1)) == 2
    if words is not None:
        valkey.command(*words, store.base, *["replay:x"] * (len(words) - 1))
    assert await reader.begin_again() == found
    assert await reader.begin_again() == (False, False)
    await store.append(0, standing.proof, batch(2, "d"))
    lines = [entry.line or "" for entry in await reader.read([0], 9, 0.1)]
    titles = [line.split('"')[-2] for line in lines]
    assert titles == (["d"] if found[1] else ["c", "d"])
