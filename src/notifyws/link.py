"""One connection's life: dial, first frames, keepalive, receive, close.

A link ends in exactly one way: ``run`` raises what ended it. It decides nothing
about what comes next; the session asks the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn, Protocol

from notifyws.errors import ConnectionLost
from notifyws.protocol.opening import Opening
from notifyws.world import World

__all__ = ["Channel", "Dial", "Keepalive", "Link"]

TICK = 1.0
"""Seconds between looks at whether the machine was asleep."""


class Channel(Protocol):
    """An open WebSocket. What ends it is raised as ``ConnectionLost``."""

    async def recv(self) -> str | bytes:
        """Return the next whole frame; bytes when it was binary."""

    async def send(self, text: str) -> None:
        """Send one text frame."""

    async def ping(self) -> None:
        """Send a ping; return when its pong is there."""

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye and wait a little for the answer; never raises."""

    def abort(self) -> None:
        """Cut the line."""


Dial = Callable[[Opening], Awaitable[Channel]]
Take = Callable[[str | bytes], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Keepalive:
    """How a dead line is noticed; seconds."""

    interval: float = 20.0
    timeout: float = 10.0


class Link:
    """An open connection.

    Args:
        channel: the open WebSocket.
        keepalive: when to ping, and how long to wait for the pong.
        world: clock and sleep.

    Attributes:
        latency: seconds the last ping took there and back.
        heard_at: unix seconds; what the server sent until then was taken.
    """

    def __init__(self, channel: Channel, keepalive: Keepalive, world: World) -> None:
        self._channel = channel
        self._keepalive = keepalive
        self._world = world
        self._silence: ConnectionLost | None = None
        self._pausing = self._behind = False
        self.latency: float | None = None
        self.heard_at = world.wall()

    @classmethod
    async def open(
        cls, dial: Dial, opening: Opening, keepalive: Keepalive, world: World
    ) -> Link:
        """Dial and say what the opening says.

        Raises:
            NetworkFailed: it did not come to an open connection.
        """
        channel = await dial(opening)
        link = cls(channel, keepalive, world)
        try:
            for frame in opening.frames:
                await channel.send(frame)
        except BaseException:
            channel.abort()
            raise
        return link

    async def run(self, take: Take) -> NoReturn:
        """Hand every frame to ``take`` until the connection ends.

        Args:
            take: takes a frame, and may return what to await before the next one;
                never for long, because a line that is not read hides its pongs.

        Raises:
            ConnectionLost: how it ended.
        """
        pulse = asyncio.create_task(self._keep_alive())
        recv, wall = self._channel.recv, self._world.wall
        try:
            while True:
                frame = await recv()
                if not self._behind:
                    self.heard_at = wall()
                pause = take(frame)
                if pause is not None:
                    await self._pause(pause)
        except ConnectionLost as lost:
            raise self._silence or lost from None
        finally:
            pulse.cancel()
            with suppress(asyncio.CancelledError):
                await pulse

    async def send(self, text: str) -> None:
        """Send one text frame."""
        await self._channel.send(text)

    async def ping(self) -> float:
        """Return the seconds a ping took there and back.

        Raises:
            ConnectionLost: no pong came in time, or the connection ended.
        """
        sent_at = self._world.now()
        try:
            async with asyncio.timeout(self._keepalive.timeout):
                await self._channel.ping()
        except TimeoutError:
            waited = f"{self._keepalive.timeout:g} s"
            raise ConnectionLost(1006, f"no pong within {waited}") from None
        if not self._pausing:
            self._behind = False
            self.heard_at = self._world.wall()
        self.latency = self._world.now() - sent_at
        return self.latency

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye; never raises, and cuts the line when it is interrupted."""
        try:
            await self._channel.close(code, reason)
        except asyncio.CancelledError:
            self._channel.abort()
            raise

    async def _pause(self, pause: Awaitable[None]) -> None:
        """Read nothing for a while.

        Frames may have been on the line for as long when they are read then, so that
        they tell nothing of when we last heard; the next pong does.
        """
        self._behind = self._pausing = True
        await pause
        self._pausing = False

    async def _keep_alive(self) -> None:
        try:
            while True:
                await self.ping()
                await self._until_next_ping()
        except ConnectionLost as lost:
            self._silence = lost
            self._channel.abort()

    async def _until_next_ping(self) -> None:
        """Wait for the interval, but no longer once the machine was asleep."""
        asleep = self._world.suspended()
        left = self._keepalive.interval
        while left > 0 and self._world.suspended() - asleep < 1.0:
            await self._world.sleep(min(left, TICK))
            left -= TICK
