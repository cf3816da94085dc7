"""What a server replays to a second connection, while the first one stays open.

For servers that replay on the socket and nowhere else. Nothing says where a replay
ends, so it is over when nothing more comes for a while.
"""

from __future__ import annotations

from collections.abc import Sequence

from notifyws.clock import Clock, sleep
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
from notifyws.protocol.arrivals import notifications, tells_gap
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


async def replayed(
    protocol: ServerProtocol,
    dial: Dial,
    keepalive: Keepalive,
    tokens: Tokens,
    clock: Clock,
    place: Place,
    receiver: Receiver,
) -> Found:
    """Open another connection, return what is replayed there after a place, and leave.

    Raises:
        NotifyError: it did not come to an open connection, or that was lost.
    """
    token = await tokens.get()
    how = place, dial, keepalive, clock
    try:
        connection = await opened(protocol, token, *how)
    except NetworkFailed as error:
        if protocol.classifier.of(error) is not Verdict.RENEW:
            raise
        another = await tokens.renew(token.value)
        connection = await opened(protocol, another, *how)
    replay = Replay(place, receiver, clock)
    try:
        await first_of(connection.run(replay.take), replay.ended())
    finally:
        await connection.close()
    return Found(replay.found, complete=not replay.has_gap, guessed=True)


class Replay:
    """What comes on a second connection, until that is enough.

    Where the first connection brought nothing, whatever comes is news, and the first
    of it is enough.

    Args:
        place: what it begins after.
        receiver: says what frames mean, and what the first connection brought.

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
            self.has_gap = self.has_gap or tells_gap(arrival)
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
