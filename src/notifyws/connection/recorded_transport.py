"""Records what goes over sockets: a way to open them, and a transport around each.

Nothing of it is there unless somebody records, so that a reader who does not pays
nothing for it. What is written down, and how, is the recorder's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from notifyws import recording
from notifyws.connection.ports import AtOnce, Dial, Transport
from notifyws.errors import ConnectionLost, NotifyError, UpgradeRefused
from notifyws.protocol.recorder import Recorder
from notifyws.protocol.upgrade import UpgradeRequest

By = Literal["server", "client", "nobody"]


def recorded(dial: Dial, recorder: Recorder) -> Dial:
    """Return what opens sockets as ``dial`` does, and has all of it recorded."""

    async def opened(request: UpgradeRequest) -> RecordedTransport:
        number = recorder.opening(request)
        try:
            transport = await dial(request)
        except UpgradeRefused as error:
            recorder.note(
                recording.Refused,
                number,
                status=error.status,
                words=recorder.shown(error.words),
                location=recorder.shown(error.location or ""),
                retry_after=error.retry_after,
            )
            raise
        except NotifyError as error:
            reason = recorder.shown(error.message)
            recorder.note(recording.Unreached, number, reason=reason)
            raise
        recorder.note(recording.Opened, number)
        return RecordedTransport(transport, recorder, number)

    return opened


class RecordedTransport:
    """A transport that has everything recorded until it ends.

    Args:
        transport: does the work.
        recorder: writes down.
        number: of the socket.
    """

    def __init__(self, transport: Transport, recorder: Recorder, number: int) -> None:
        self._transport, self._recorder, self._number = transport, recorder, number
        self._deaf_since: float | None = None
        self._is_over = False

    @property
    def heard_at(self) -> float:
        """When anything came; monotonic seconds."""
        return self._transport.heard_at

    async def burst(self, at_once: AtOnce | None = None) -> Sequence[str | bytes]:
        """Return all whole frames that came."""
        try:
            frames = await self._transport.burst()
        except ConnectionLost as lost:
            by: By = "nobody" if lost.code == 1006 else "server"
            self._over("client" if lost.sent else by, lost.code, lost.reason)
            raise
        for frame in frames if not self._is_over else ():
            self._recorder.received(self._number, frame)
        return frames

    async def send_all(self, texts: Sequence[str]) -> None:
        """Send text frames in their order."""
        for text in texts:
            shown = self._recorder.shown(text)
            self._recorder.note(recording.Sent, self._number, text=shown)
        await self._transport.send_all(texts)

    async def ping(self) -> None:
        """Send a ping; return when its pong is there."""
        pinged = self._recorder.now()
        try:
            await self._transport.ping()
        except asyncio.CancelledError:  # its time is over, or everything is
            self._deaf_since = pinged
            raise

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye."""
        self._over("client", code, reason)
        await self._transport.close(code, reason)

    def abort(self) -> None:
        """Cut the line."""
        self._over("client", 1006, deaf_since=self._deaf_since)
        self._transport.abort()

    def _over(
        self, by: By, code: int, reason: str = "", deaf_since: float | None = None
    ) -> None:
        """Write down how it ended, once."""
        if self._is_over:
            return
        self._is_over = True
        facts = {"by": by, "code": code, "reason": self._recorder.shown(reason)}
        self._recorder.note(
            recording.Closed, self._number, deaf_since=deaf_since, **facts
        )
