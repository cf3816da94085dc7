"""Reads a group's stream again, as a group of its own; the others do not notice.

It begins after an id or at a time, and goes on with what is appended later. It is no
member: it never leads, and what it takes is taken from nobody.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

from notifyws.auth.authenticator import Authenticator
from notifyws.delivery.outbox_records import notification_of
from notifyws.errors import CacheFailed, NetworkFailed, UsageError
from notifyws.events import Grouped
from notifyws.fleet.group.build import GroupOptions
from notifyws.fleet.group.scripts import REPLAY, VERSION
from notifyws.fleet.group.store import wrong_version
from notifyws.fleet.group.stream_listener import StreamListener

if TYPE_CHECKING:
    from notifyws.fleet.group.member import GroupMember


class GroupReplay(StreamListener):
    """Reads what a group's stream still holds.

    Args:
        auth: whose group.
        options: which.
        since: id of the last notification known, or the time to begin at.
        more: as for :class:`ActiveListener`.
    """

    def __init__(
        self,
        auth: Authenticator,
        options: GroupOptions,
        *,
        since: str | int | datetime,
        **more: Any,
    ) -> None:
        consumers = f"{REPLAY}{auth.clock.secret()[:12]}"
        super().__init__(auth, options, consumers=consumers, **more)
        self._from = since
        self._began = False

    @property
    def state(self) -> str:
        """``disconnected``, ``connecting`` or ``connected``."""
        if self.running is None or self.running.done():
            return "disconnected"
        return "connected" if self._began else "connecting"

    async def keep(self, member: GroupMember) -> None:
        """Read until cancelled.

        Raises:
            NetworkFailed: Redis does not answer.
            UsageError: the stream does not hold what is asked for.
        """
        try:
            facts = await self._store.describe()
            self._want_ours(facts.get("v"))
            self._store.use_key(str(facts.get("key") or ""))
            await self._store.begin_at(await self._place())
        except CacheFailed as error:
            raise NetworkFailed(error.message, error.hint) from None
        self._began = True
        self._emitter.tell(Grouped(self._store.name, "replay"))
        member.read_from(range(len(self._store.streams)))
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """Take the consumer group away.

        Raises:
            CacheFailed: Redis does not answer.
        """
        if self._began:
            await self._store.end()

    def _want_ours(self, version: object) -> None:
        """Raise if the group is another version's."""
        if version not in (VERSION, False, None):
            raise wrong_version(self._store.name)

    async def _place(self) -> str:
        """Return the id after which to begin.

        Raises:
            CacheFailed: Redis does not answer.
            UsageError: the stream does not hold what is asked for.
        """
        if isinstance(self._from, datetime):
            return f"{max(int(1000 * self._from.timestamp()) - 1, 0)}-0"
        async for entry in self._store.backwards():
            try:
                found = notification_of(entry.line or "").id
            except ValueError:
                continue
            if str(found) == str(self._from):
                return entry.id
        said = f"the group {self._store.name} keeps no notification {self._from}"
        raise UsageError(f"--since: {said}", "give a time, as in --since 10m")
