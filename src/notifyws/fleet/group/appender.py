"""What brings a leader's notifications into the stream: once, and in order.

The law: *the group's position never stands beyond what is in the stream.* What Redis
does not take is spooled, and appended before all that comes later; so is what a Redis
that took over had not been told. An append of which no answer came is tried again under
its own name, and done once.

Who leads is not decided here, and nothing is known here of the server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Container, Sequence

from msgspec.structs import replace

from notifyws.clock import Clock
from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.errors import CacheFailed
from notifyws.fleet.group.append_window import AppendWindow
from notifyws.fleet.group.entries import (
    AT_ONCE,
    Batch,
    Line,
    Standing,
    steps,
)
from notifyws.fleet.group.spool import Spool, note_of
from notifyws.fleet.group.store import GroupStore
from notifyws.fleet.group.stream import BatchForgotten
from notifyws.models import Notification
from notifyws.tasks import cancel, restarted

AGAIN = 0.25
"""Seconds between two tries while Redis is away."""

Lines = Callable[[Notification], Line]


class GroupAppender:
    """Appends what one leader received.

    Args:
        line_of: what is appended of a notification.
        waited_since: returns since when (unix seconds by Redis' clock) not all that was
            appended is surely handled.
        tell_gap: is told the same where what Redis lost can be told no more.

    Attributes:
        sure_until: RFC 3339; what arrived until then is in the stream.
        window: what was appended lately, by Redis' clock.
        last_batch: the name of the batch that was surely appended last; empty for none.
    """

    def __init__(
        self,
        store: GroupStore,
        spool: Spool,
        clock: Clock,
        standing: Standing,
        *,
        line_of: Lines,
        waited_since: Callable[[], float],
        tell_gap: Callable[[float], None],
        in_doubt: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self._store, self._spool, self._clock = store, spool, clock
        self._slot, self._proof = standing.slot, standing.proof
        self._began = standing.began
        self._line_of, self._in_doubt, self._warn = line_of, in_doubt, warn
        self._waited_since, self._tell_gap = waited_since, tell_gap
        self.window = AppendWindow(standing.at)
        self._received = self._appended = ListenerPosition()
        self._number = 0
        self._first = deque[tuple[Batch, int]]()
        self._disturbed = self._deposed = self._busy = False
        self._handled_until: float | None = None
        self.last_batch = ""
        self._draining: asyncio.Task[None] | None = None
        self.sure_until = ""

    @property
    def is_idle(self) -> bool:
        """Whether all that it was given is in the stream."""
        return not (self._busy or self._is_draining)

    def look_for_lost(self, handled_until: float) -> None:
        """Have what Redis lost appended again; what is not known here is a gap.

        Args:
            handled_until: unix seconds by Redis' clock; what was appended earlier was
                handled, or is not lost.
        """
        if self._handled_until is not None:  # that was not looked for yet
            handled_until = min(handled_until, self._handled_until)
        self._disturbed, self._handled_until = True, handled_until
        if not self._is_draining:
            self._begin_to_drain()

    async def begin(
        self, position: ListenerPosition, leaders: set[str], seen: Container[str | int]
    ) -> ListenerPosition:
        """Begin where the group stands; return where it does with what is spooled here.

        Args:
            leaders: members of whom one led last; see :meth:`Spool.recover`.
            seen: ids that are in the stream: who spooled may have died right after.
        """
        self._received = self._appended = position
        if await self._spool.recover(leaders):
            await self._spool.drop_known(seen)
            heard_at = max(position.heard_at, self._spool.position.heard_at)
            self._received = replace(self._spool.position, heard_at=heard_at)
            self._begin_to_drain()
        return self._received

    def renew(self, standing: Standing) -> None:
        """Append with this lease from now on."""
        if standing.slot != self._slot:  # what was appended there last is another's
            self.last_batch = ""
        self._slot, self._proof = standing.slot, standing.proof

    def forget(self) -> None:
        """Redis lost everything: nothing of that is to be looked for."""
        self.window.clear()
        self._first.clear()
        self._disturbed, self.last_batch = False, ""

    def depose(self) -> None:
        """Another one leads: nothing is to be appended any more."""
        self._deposed = True

    async def append(self, notes: Sequence[Notification]) -> None:
        """Append notifications, or spool them; return when there is room for more."""
        self._busy, start = True, 0
        for lines in steps([self._line_of(note) for note in notes]):
            end = start + len(lines)
            if not self._deposed:
                await self._append(notes[start:end], lines)
            start = end
        self._busy = False

    async def settled(self) -> None:
        """Return when nothing is spooled."""
        if self._draining is not None:
            await asyncio.wait({self._draining})

    async def stop(self) -> None:
        """Append no more."""
        if self._draining is not None:
            await cancel(self._draining)

    async def aclose(self) -> None:
        """Let go of the spool: what is in it is for who leads next on this host."""
        if self._deposed and self._spool.count:
            count = self._spool.count
            self._warn(f"{count} spooled notifications are left to the new leader")
            await self._spool.clear()
        await self._spool.aclose()

    @property
    def _is_draining(self) -> bool:
        return self._draining is not None and not self._draining.done()

    async def _append(
        self, notes: Sequence[Notification], lines: Sequence[Line]
    ) -> None:
        self._received = self._received.past_all(notes, self._clock.wall())
        if self._is_draining:
            await self._put_aside(lines)
        elif await self._write(self._batch(lines, self._received), spooled=len(lines)):
            self.sure_until = max(self.sure_until, notes[-1].received)
        else:
            await self._put_aside(lines)

    def _batch(self, lines: Sequence[Line], position: ListenerPosition) -> Batch:
        self._number += 1
        return Batch(self._number, lines, position, self._began)

    async def _write(self, batch: Batch, *, spooled: int, again: bool = False) -> bool:
        """Append a batch; return whether that is sure.

        Args:
            spooled: how many of the oldest spooled lines that is, should it fail.
            again: whether it may have been done already.
        """
        try:
            places = await self._store.append(
                self._slot, self._proof, batch, again=again, after=self.last_batch
            )
        except CacheFailed as error:
            if not again:
                self._first.append((batch, spooled))
            self._disturbed = True
            if isinstance(error, BatchForgotten):
                self._in_doubt()
            return False
        if places is None:
            self._in_doubt()
            return False
        if places:
            self.window.add(places, batch.lines)
        else:
            self.window.begin_again()
        self._appended, self.last_batch = batch.position, self._store.name_of(batch)
        return True

    async def _put_aside(self, lines: Sequence[Line]) -> None:
        """Spool lines, have them appended later; return when there is room for more."""
        await self._spool.put(lines, self._received, self._store.member)
        if not self._is_draining:
            self._begin_to_drain()
        while self._spool.is_full and not self._deposed:
            await self._clock.sleep(AGAIN)

    def _begin_to_drain(self) -> None:
        how = self._drain, self._warn, self._clock.sleep
        self._draining = restarted("what appends the spooled", *how)

    async def _drain(self) -> None:
        """Append what is spooled, as soon as that is possible again."""
        while not self._deposed and (
            self._spool.count or self._first or self._disturbed
        ):
            if not await self._try_to_drain():
                await self._clock.sleep(AGAIN)

    async def _try_to_drain(self) -> bool:
        if self._disturbed and not await self._find_lost():
            return False
        while self._first:
            first = batch, spooled = self._first[0]
            if not await self._write(batch, spooled=spooled, again=True):
                return False
            if self._first and self._first[0] is first:  # else it was forgotten
                self._first.popleft()
                await self._spool.drop(spooled)
        while self._spool.count and not self._deposed:
            lines = await self._spool.first(AT_ONCE)
            batch = self._batch(lines, self._position_after(lines))
            if not await self._write(batch, spooled=len(lines)):
                return False
            await self._spool.drop(len(lines))
        return True

    def _position_after(self, lines: Sequence[Line]) -> ListenerPosition:
        """Return where the group stands once these of the spooled are appended.

        The rest of them is not, should this process be killed meanwhile; when they were
        received is not known.
        """
        notes = [note for note in map(note_of, lines) if note is not None]
        return self._appended.past_all(notes, self._appended.moved_at)

    async def _find_lost(self) -> bool:
        """Have what Redis lost of the latest appended again, before all else.

        Where several append, only a beat can tell that something is lost.

        Returns:
            Whether that is known.
        """
        handled = self._handled_until
        if handled is None and self._store.is_shared:
            self._disturbed = False
            return True
        places = self.window.places
        try:
            leader, present = await self._store.present(places)
        except CacheFailed:
            return False
        if (places, handled) != (self.window.places, self._handled_until):
            return False  # it was forgotten meanwhile, or more is known now
        if leader != self._proof and not self._store.is_shared:
            self._in_doubt()
            return False
        since = self._waited_since() if handled is None else handled
        is_sought = bool(places) or handled is not None
        if is_sought and not self.window.has_all(present, since):
            self._tell_gap(since)
        parts = steps(self.window.lost(present, handled))
        batches = [(self._batch(part, self._appended), 0) for part in parts]
        self._first.extendleft(reversed(batches))
        self._disturbed, self._handled_until, self.last_batch = False, None, ""
        return True
