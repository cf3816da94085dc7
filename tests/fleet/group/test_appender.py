"""The appender: in the stream once and in order, whatever becomes of Redis' answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from notifyws.clock import Clock
from notifyws.delivery.outbox_records import ListenerPosition, notification_of
from notifyws.errors import CacheFailed
from notifyws.fleet.group.append_window import COUNT
from notifyws.fleet.group.appender import GroupAppender
from notifyws.fleet.group.entries import AT_ONCE, Batch, Place, Standing
from notifyws.fleet.group.spool import Spool
from notifyws.fleet.group.stream import BatchForgotten
from tests.support.queue import note
from tests.support.virtual import VirtualClock, at_the_end

ME, OTHER = "h:1:me", "h:2:other"
LEASE = Standing(0, "1 h:1:me", 1)


class FakeStore:
    """A group's Redis in a list, which fails as it is told.

    Attributes:
        troubles: what becomes of the next appends: ``words`` are lost before they are
            done, ``answer`` after that, ``""`` none.
        down: nothing is answered, or done.
        holder: the proof that is accepted.
        leader: who took a lease last.
        stream: titles, by id.
        position: where the group stands.
        while_looking: called while it looks for entries.
    """

    member, is_shared = ME, False

    def __init__(self, *troubles: str) -> None:
        self.troubles = list(troubles)
        self.down = False
        self.holder = self.leader = LEASE.proof
        self.stream: dict[str, str] = {}
        self.position = ListenerPosition()
        self.positions: list[ListenerPosition] = []
        self.while_looking: Callable[[], None] = lambda: None
        self.last_batch = ""
        self._top = 0

    def name_of(self, batch: Batch) -> str:
        return f"{ME} {batch.number}"

    def roll_back(self, count: int, *, known: int) -> None:
        """Be a replica that was not told of the newest entries, nor their batches."""
        for ident in [*self.stream][-count:]:
            del self.stream[ident]
        self.last_batch = f"{ME} {known}"

    @property
    def titles(self) -> list[str]:
        return list(self.stream.values())

    async def append(
        self,
        slot: int,
        proof: str,
        batch: Batch,
        *,
        again: bool = False,
        after: str = "",
    ) -> list[Place] | None:
        trouble = self.troubles.pop(0) if self.troubles else ""
        await asyncio.sleep(0)
        if self.down or trouble == "words":
            raise CacheFailed("the words were lost")
        was_done = again and self.name_of(batch) == self.last_batch
        if after not in ("", self.last_batch) and not was_done:
            raise BatchForgotten("it does not know what was appended last")
        found = self._append(proof, batch, was_done)
        if trouble == "answer":
            raise CacheFailed("the answer was lost")
        return found

    def _append(self, proof: str, batch: Batch, was_done: bool) -> list[Place] | None:
        if proof != self.holder:
            return None
        if was_done:
            return []
        places = []
        for _, line, _ in batch.lines:
            self._top += 1
            self.stream[f"{self._top}-0"] = notification_of(line).title
            places.append((0, f"{self._top}-0"))
        self.last_batch, self.position = self.name_of(batch), batch.position
        self.positions.append(batch.position)
        return places

    async def present(self, places: Sequence[Place]) -> tuple[str, list[bool]]:
        await asyncio.sleep(0)
        self.while_looking()
        if self.down:
            raise CacheFailed("nobody is there")
        is_there = [not self.is_shared and id_ in self.stream for _, id_ in places]
        return self.leader, is_there


class Scene:
    """An appender, its Redis and its disk."""

    def __init__(self, path: Path, store: FakeStore, limit: int = 1 << 20) -> None:
        self.store, self.doubts, self.said = store, 0, list[str]()
        self.waited_since, self.gaps = 0.0, list[float]()
        self.spool = Spool(path, "acct-g", limit, self.said.append)
        self.appender = GroupAppender(
            store,
            self.spool,
            fast(),
            LEASE,
            line_of=lambda note: (0, note.line(), ""),
            waited_since=lambda: self.waited_since,
            tell_gap=self.gaps.append,
            in_doubt=self._doubt,
            warn=self.said.append,
        )

    def _doubt(self) -> None:
        self.doubts += 1

    async def doubted(self) -> None:
        """Return when it is in doubt again and again."""
        async with asyncio.timeout(5):
            while self.doubts < 2:
                await asyncio.sleep(0.001)

    async def receive(self, first: int, last: int) -> None:
        """Take numbers in, as titles and ids."""
        await self.appender.append([note(n, n) for n in range(first, last + 1)])

    async def settled(self, last: int) -> None:
        """Demand that every number is in the stream, once and in order."""
        async with asyncio.timeout(5):
            await self.appender.settled()
        assert self.store.titles == [str(n) for n in range(1, last + 1)]
        assert self.store.position.last_id == last
        assert self.appender.is_idle


def fast() -> Clock:
    """A clock whose waits cost nothing; what waits goes on when others had a turn."""
    return replace(VirtualClock().clock, sleep=lambda seconds: asyncio.sleep(0.001))


@asynccontextmanager
async def scene(
    path: Path, *troubles: str, store: FakeStore | None = None, limit: int = 1 << 20
) -> AsyncIterator[Scene]:
    made = Scene(path, store or FakeStore(*troubles), limit)
    try:
        yield made
    finally:
        await made.appender.stop()
        await made.appender.aclose()


@pytest.fixture
def group(tmp_path) -> Scene:
    made = Scene(tmp_path, FakeStore())
    at_the_end(made.appender.aclose)
    at_the_end(made.appender.stop)
    return made


async def test_what_arrives_is_appended_in_batches(tmp_path):
    async with scene(tmp_path) as group:
        await group.receive(1, AT_ONCE + 7)
        await group.settled(AT_ONCE + 7)
        assert [each.last_id for each in group.store.positions] == [
            AT_ONCE,
            AT_ONCE + 7,
        ]
        assert group.appender.sure_until == "then"
    assert list(tmp_path.glob("*.db")) == []


@pytest.mark.parametrize(
    "troubles",
    [
        ["words"],
        ["answer"],
        ["words", "words"],
        ["answer", "answer"],
        ["answer", "words", "answer"],
        ["", "answer", "", "words"],
        ["answer", "", "answer"],
        ["words", "answer", "answer", "words", "answer"],
    ],
)
async def test_what_is_lost_on_the_way_or_back_is_appended_once_and_in_order(
    tmp_path, troubles
):
    async with scene(tmp_path, *troubles) as group:
        await group.receive(1, 3)
        await group.receive(4, 5)
        await group.receive(6, AT_ONCE + 20)
        await group.settled(AT_ONCE + 20)
        await group.receive(AT_ONCE + 21, AT_ONCE + 22)
        await group.settled(AT_ONCE + 22)
        assert group.said == []


async def test_while_redis_is_away_nothing_is_sure_and_all_waits_on_disk(group):
    group.store.down = True
    await group.receive(1, 3)
    await group.receive(4, 6)
    assert not group.appender.is_idle
    assert group.appender.sure_until == ""
    assert group.spool.count == 6
    group.store.down = False
    await group.settled(6)
    assert group.spool.count == 0


async def test_the_position_is_never_beyond_what_is_in_the_stream(group):
    group.store.down = True
    await group.receive(1, 2 * AT_ONCE + 5)
    group.store.down = False
    await group.settled(2 * AT_ONCE + 5)
    ends = [AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 5]
    assert [each.last_id for each in group.store.positions] == ends


async def test_a_lease_that_ended_is_told_and_another_one_goes_on(group):
    group.store.holder = "2 h:1:me"
    await group.receive(1, 3)
    await group.doubted()
    assert group.store.titles == []
    group.appender.renew(Standing(0, "2 h:1:me", 1))
    await group.settled(3)


async def test_who_is_deposed_appends_nothing_more(group):
    group.store.holder = "2 h:2:other"
    await group.receive(1, 3)
    group.appender.depose()
    await group.receive(4, 5)
    await group.appender.settled()
    await group.appender.aclose()
    assert group.store.titles == []
    assert group.said == ["3 spooled notifications are left to the new leader"]
    assert group.spool.count == 0


async def test_what_a_new_primary_had_not_been_told_is_appended_again(tmp_path):
    async with scene(tmp_path, "", "", "words") as group:
        await group.receive(1, 3)
        await group.receive(4, 6)
        for id_ in ("5-0", "6-0"):
            del group.store.stream[id_]
        await group.receive(7, 8)
        await group.settled(8)
        assert [each.last_id for each in group.store.positions] == [3, 6, 6, 8]


async def test_what_a_new_primary_lost_is_looked_for_until_it_answers(group):
    await group.receive(1, 3)
    group.store.down = True
    await group.receive(4, 5)
    del group.store.stream["3-0"]
    await asyncio.sleep(0.01)
    group.store.down = False
    await group.settled(5)


async def test_nothing_is_looked_for_where_another_one_led(group):
    await group.receive(1, 3)
    group.store.stream.clear()
    group.store.troubles = ["words"]
    group.store.leader = "2 h:2:other"
    await group.receive(4, 5)
    await group.doubted()
    assert group.store.titles == []


async def test_what_a_redis_lost_that_forgot_everything_is_not_appended_again(group):
    await group.receive(1, 3)
    group.store.stream.clear()
    group.store.down = True
    await group.receive(4, 5)
    group.store.leader = group.store.holder = "9 h:1:me"
    group.appender.renew(Standing(0, "9 h:1:me", 9))
    group.appender.forget()
    group.store.down = False
    await group.appender.settled()
    assert group.store.titles == ["4", "5"]


async def test_what_is_forgotten_while_it_is_looked_for_is_not_appended_again(group):
    await group.receive(1, 3)
    group.store.stream.clear()
    group.store.troubles = ["words"]
    group.store.while_looking = group.appender.forget
    await group.receive(4, 5)
    await group.appender.settled()
    assert group.store.titles == ["4", "5"]
    assert group.said == []


async def test_a_position_says_when_its_last_was_received_where_that_is_known(group):
    await group.receive(1, 3)
    group.store.down = True
    await group.receive(4, AT_ONCE + 9)
    group.store.down = False
    await group.settled(AT_ONCE + 9)
    first, batch, rest = (each.moved_at for each in group.store.positions)
    assert 0 < first < batch == rest


async def test_a_full_spool_holds_the_reader_up(tmp_path):
    async with scene(tmp_path, limit=100) as group:
        group.store.down = True
        putting = asyncio.create_task(group.receive(1, 9))
        await asyncio.sleep(0.02)
        assert not putting.done()
        group.store.down = False
        await putting
        await group.settled(9)


async def test_who_is_deposed_holds_nobody_up(tmp_path):
    async with scene(tmp_path, limit=100) as group:
        group.store.down = True
        putting = asyncio.create_task(group.receive(1, 9))
        await asyncio.sleep(0.01)
        group.appender.depose()
        await asyncio.wait_for(putting, 1)


async def left_behind(path: Path, store: FakeStore, first: int, last: int) -> None:
    """A leader that spools these, and is killed."""
    async with scene(path, store=store) as killed:
        store.down = True
        await killed.appender.begin(store.position, {ME, ""}, set())
        await killed.receive(first, last)
    store.down = False


async def test_what_a_killed_leader_had_spooled_comes_first(tmp_path):
    store = FakeStore()
    await left_behind(tmp_path, store, 1, 4)
    async with scene(tmp_path, store=store) as group:
        asked = await group.appender.begin(ListenerPosition(heard_at="z"), {ME}, set())
        assert (asked.last_id, asked.heard_at) == (4, "z")
        await group.receive(5, 6)
        await group.settled(6)


async def test_what_it_had_appended_and_not_yet_let_go_of_is_not_appended_again(
    tmp_path,
):
    store = FakeStore()
    await left_behind(tmp_path, store, 1, 4)
    store.stream = {"x-1": "1", "x-2": "2"}
    async with scene(tmp_path, store=store) as group:
        await group.appender.begin(ListenerPosition(2), {ME}, {1, 2})
        await group.settled(4)


async def test_what_was_all_appended_leaves_nothing_to_do(tmp_path):
    store = FakeStore()
    await left_behind(tmp_path, store, 1, 2)
    store.stream = {"x-1": "1", "x-2": "2"}
    async with scene(tmp_path, store=store) as group:
        asked = await group.appender.begin(ListenerPosition(2), {ME}, {1, 2})
        await group.appender.settled()
        assert asked.last_id == 2
        assert store.titles == ["1", "2"]


async def test_what_somebody_else_led_after_is_not_appended(tmp_path):
    store = FakeStore()
    await left_behind(tmp_path, store, 1, 4)
    async with scene(tmp_path, store=store) as group:
        asked = await group.appender.begin(ListenerPosition(9), {OTHER}, set())
        assert asked.last_id == 9
        await group.receive(10, 11)
        assert store.titles == ["10", "11"]


async def test_what_a_primary_lost_that_took_over_in_a_quiet_moment_is_found(group):
    """Seen: no append failed, so nothing was looked for, and the next one moved on."""
    await group.receive(1, 3)
    await group.receive(4, 6)
    group.store.roll_back(3, known=1)
    await group.receive(7, 8)
    await group.settled(8)


async def test_what_was_lost_is_appended_again_though_nothing_comes(group):
    await group.receive(1, 3)
    await group.receive(4, 6)
    assert group.appender.last_batch == group.store.last_batch
    group.store.roll_back(3, known=1)
    assert group.appender.last_batch != group.store.last_batch
    group.appender.look_for_lost(0.0)
    group.appender.look_for_lost(0.0)
    await group.settled(6)
    assert group.appender.last_batch == group.store.last_batch


async def test_what_was_handled_by_then_is_not_appended_again(group):
    await group.receive(1, 6)
    group.store.stream.clear()
    group.appender.look_for_lost(0.004)
    await group.appender.settled()
    assert group.store.titles == ["4", "5", "6"]


async def test_a_lease_of_another_slot_tells_nothing_of_the_last_batch(group):
    await group.receive(1, 3)
    group.appender.renew(Standing(1, LEASE.proof, 1))
    assert group.appender.last_batch == ""


@pytest.mark.parametrize("how", ["beat", "append"])
async def test_what_redis_lost_beyond_what_is_known_is_a_gap(tmp_path, how):
    """Seen: a Redis came back 7,000 entries older; 2,000 were gone, and no word."""
    last = COUNT + 2 * AT_ONCE
    async with scene(tmp_path) as group:
        await group.receive(1, last)
        group.store.roll_back(AT_ONCE, known=last // AT_ONCE - 1)
        group.appender.look_for_lost(0.007)
        await group.settled(last)
        assert group.gaps == []
        group.store.roll_back(last - AT_ONCE, known=1)
        group.waited_since = 0.2
        if how == "beat":
            group.appender.look_for_lost(0.2)
        else:
            group.store.troubles = ["words"]
            await group.receive(last + 1, last + 1)
        await group.appender.settled()
        assert group.gaps == [0.2]


async def test_a_leader_that_has_appended_nothing_yet_knows_nothing_of_what_is_lost(
    group,
):
    """Seen: its predecessor's were gone, and no word."""
    group.appender.window.miss(5.0)
    group.appender.look_for_lost(6.0)
    await group.appender.settled()
    assert group.gaps == []
    group.appender.look_for_lost(4.0)
    await group.appender.settled()
    assert group.gaps == [4.0]


async def test_of_several_that_append_none_looks_before_a_beat_tells_of_a_loss(
    tmp_path,
):
    """Else each failure would bring all again that has no mark."""
    async with scene(tmp_path, "", "words", "words") as group:
        group.store.is_shared = True
        await group.receive(1, 3)
        await group.receive(4, 6)
        await group.settled(6)
        assert (group.gaps, group.doubts) == ([], 0)
        group.store.roll_back(3, known=1)
        await group.receive(7, 8)
        await group.doubted()
        assert group.store.titles == ["1", "2", "3"]
        assert group.appender.last_batch == f"{ME} 2"
        group.appender.look_for_lost(0.004)
        await group.settled(8)
        assert group.gaps == []


async def test_what_was_appended_without_an_answer_cannot_be_appended_again(tmp_path):
    async with scene(tmp_path, "", "answer") as group:
        await group.receive(1, 3)
        await group.receive(4, 6)
        await group.settled(6)
        await group.receive(7, 8)
        group.store.roll_back(3, known=2)
        group.appender.look_for_lost(0.006)
        await group.appender.settled()
        assert group.store.titles == ["1", "2", "3", "4", "5", "7", "8"]
        assert group.gaps == [0.006]


async def test_what_is_to_be_looked_for_twice_is_looked_for_from_the_earlier_moment(
    group,
):
    await group.receive(1, 6)
    group.store.stream.clear()
    group.store.down = True
    group.appender.look_for_lost(0.003)
    group.appender.look_for_lost(0.005)
    group.store.down = False
    await group.appender.settled()
    assert group.store.titles == ["3", "4", "5", "6"]
