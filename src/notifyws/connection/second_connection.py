"""What a server replays to a second connection, while the first one stays open.

For servers that replay on the socket and nowhere else. Nothing says where a replay
ends, so it is over when nothing more comes for a while.
"""

from __future__ import annotations

from collections.abc import Sequence

from notifyws.auth.cached_tokens import AccessToken
from notifyws.clock import Clock, sleep
from notifyws.connection.connection import Connection
from notifyws.connection.outcome import opened
from notifyws.connection.ports import (
    Dial,
    Found,
    Keepalive,
    Place,
    Receiver,
    ServerProtocol,
    Tokens,
)
from notifyws.errors import NetworkFailed
from notifyws.models import Notification
from notifyws.protocol.arrivals import ServerGap, notifications
from notifyws.protocol.deduplicator import REMEMBERED
from notifyws.protocol.failures import Verdict
from notifyws.tasks import first_of

QUIET = 2.0
"""Seconds in which nothing comes, after which a replay is over; it is as well so long
after it has come to what the first connection brought last."""
LONGEST = 30.0
"""Seconds at most until a replay has come to that."""

MOST = 16 << 20
"""Bytes of what is replayed beyond which it is not looked at."""


class SecondConnection:
    """Opens another connection, takes what is replayed there, and leaves.

    Args:
        protocol: how the server speaks.
        dial: opens sockets.
        keepalive: how a dead line is noticed.
        tokens: gives a token for it.
        clock: clock and sleep.
    """

    def __init__(
        self,
        protocol: ServerProtocol,
        dial: Dial,
        keepalive: Keepalive,
        tokens: Tokens,
        clock: Clock,
    ) -> None:
        self._protocol = protocol
        self._dial, self._keepalive = dial, keepalive
        self._tokens = tokens
        self._clock = clock

    async def __call__(self, place: Place, receiver: Receiver) -> Found:
        """Return what the server replays after a place.

        Raises:
            NotifyError: it did not come to an open connection, or that was lost.
        """
        token = await self._tokens.get()
        try:
            connection = await self._open(token, place)
        except NetworkFailed as error:
            if self._protocol.classifier.of(error) is not Verdict.RENEW:
                raise
            another = await self._tokens.renew(token.value)
            connection = await self._open(another, place)
        replay = Replay(place, receiver, self._clock)
        try:
            await first_of(connection.run(replay.take), replay.ended())
        finally:
            await connection.close()
        return Found(replay.found, complete=not replay.has_gap, guessed=True)

    async def _open(self, token: AccessToken, place: Place) -> Connection:
        how = self._dial, self._keepalive, self._clock
        return await opened(self._protocol, token, place, *how)


class Replay:
    """What comes on a second connection, until that is enough.

    Where the first connection brought nothing, whatever comes is news, and the first
    of it is enough.

    Args:
        place: what it begins after.
        receiver: says what frames mean, and what the first connection brought.
        clock: clock and sleep.

    Attributes:
        found: the notifications.
        has_gap: whether the server said that it keeps too little.
    """

    def __init__(self, place: Place, receiver: Receiver, clock: Clock) -> None:
        self._receiver, self._clock = receiver, clock
        self._known = receiver.cursor.last_id
        self._heard_at = now = clock.now()
        comes = self._known not in (None, place)
        self._ends_at = now + (LONGEST if comes else QUIET)
        self.found: list[Notification] = []
        self.has_gap = False
        self._bytes = 0

    def take(self, frames: Sequence[str | bytes]) -> None:
        """Take frames."""
        self._heard_at = self._clock.now()
        for frame in frames:
            self._bytes += len(frame)
            if self._bytes > MOST:
                self.has_gap = True  # so that what is left out is said
                return
            arrival = self._receiver.meaning(frame)
            self.has_gap = self.has_gap or isinstance(arrival, ServerGap)
            for each in notifications(arrival):
                self.found.append(each)
                if each.id is not None and each.id == self._known:
                    self._ends_at = min(self._ends_at, self._heard_at + QUIET)

    async def ended(self) -> None:
        """Return when nothing came for a while, or what is known did a while ago."""
        while len(self.found) < REMEMBERED and self._bytes <= MOST:
            end = min(self._heard_at + QUIET, self._ends_at)
            if (left := end - self._clock.now()) <= 0:
                return
            await sleep(self._clock, left)
