"""A server by script for one profile: HTTP answers by path, and a socket's story."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.delivery.sender import SendResult
from notifyws.errors import NotifyError
from tests.support.httpd import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    Peer,
    Request,
    answer,
    httpd,
    json_answer,
)


@dataclass
class Socket:
    """One open socket, seen from the server."""

    peer: Peer
    request: Request
    heard: list[Any] = field(default_factory=list)
    pings: int = 0

    async def say(self, value: Any) -> None:
        """Send a frame: text as it is, anything else as JSON."""
        text = value if isinstance(value, str) else json.dumps(value)
        await self.peer.frame(TEXT, text.encode())

    async def hears(self) -> Any:
        """Return the next frame's value; WebSocket pings are only counted."""
        while True:
            opcode, payload = await self.peer.read()
            if opcode == PING:
                self.pings += 1
                await self.peer.frame(PONG, payload)
            elif opcode == CLOSE:
                await self.peer.frame(CLOSE, payload)
                raise ConnectionResetError
            elif opcode == TEXT:
                value = json.loads(payload)
                self.heard.append(value)
                return value

    async def stay(self) -> None:
        """Listen until the client goes."""
        while True:
            await self.hears()


Story = Callable[[Socket], Awaitable[None]]
Answers = dict[str, Callable[[Request], bytes]]


@dataclass
class Stage:
    """What was asked, and every socket that was opened."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    sockets: list[Socket] = field(default_factory=list)

    def asked(self, path: str) -> list[Request]:
        return [each for each in self.requests if each.target.startswith(path)]


@asynccontextmanager
async def stage(
    answers: Answers,
    *stories: Story,
    refusal: tuple[Any, int] | None = None,
    **upgrade: str,
) -> AsyncIterator[Stage]:
    """Run a server; the last story is told to all further sockets.

    Args:
        answers: of the HTTP side, by method and path.
        stories: of one socket after the other.
        refusal: the body and status that each upgrade is answered with instead.
        upgrade: headers of the answers to upgrades.
    """
    one = Stage()

    async def story(peer: Peer) -> None:
        request = await peer.request()
        one.requests.append(request)
        if "sec-websocket-key" not in request.headers:
            path = f"{request.method} {request.target.partition('?')[0]}"
            reply = answers.get(path, lambda _: answer(404))(request)
            return await peer.write(reply)
        if refusal is not None:
            return await peer.write(json_answer(*refusal))
        await peer.upgrade(request, **upgrade)
        socket = Socket(peer, request)
        one.sockets.append(socket)
        await stories[min(len(one.sockets), len(stories)) - 1](socket)
        return None

    async with httpd(story) as server:
        one.url = server.url
        yield one


@asynccontextmanager
async def listening(
    one: Stage, profile: str, since: datetime | None = None, **settings: Any
) -> AsyncIterator[tuple[NotificationService, list[Any], list[Any]]]:
    """Connect; yields the service, its notifications and its events."""
    said = {"cache_url": "memory://", "retry_delays": (0.1,), **settings}
    there = Settings(url=one.url, profile=profile, **said)
    service = NotificationService(there, since=since)
    notifications: list[Any] = []
    events: list[Any] = []
    service.listener.observers.append(events.append)
    service.on("message")(notifications.append)
    async with service:
        await service.connect_with_retry()
        yield service, notifications, events


async def ended(one: Stage, profile: str, **settings: Any) -> NotifyError:
    """Return what ends a listener by itself, before or after it was connected."""
    with pytest.raises(NotifyError) as caught:
        async with listening(one, profile, **settings) as (service, _, _events):
            await service.closed()
    return caught.value


async def sent(
    one: Stage, profile: str, payload: Mapping[str, str], **settings: Any
) -> SendResult:
    """Return what becomes of a message of somebody who does not listen."""
    there = Settings(url=one.url, profile=profile, cache_url="memory://", **settings)
    async with NotificationService(there) as service:
        return await service.send({"type": "x", "payload": payload})


async def end_of(
    story: Story,
    profile: str,
    answers: Answers | None = None,
    upgrade: Mapping[str, str] | None = None,
    **settings: Any,
) -> NotifyError:
    """Return how listening to a server of one story ends."""
    async with stage(answers or {}, story, **(upgrade or {})) as one:
        return await ended(one, profile, **settings)


async def stays(socket: Socket) -> None:
    """Be a server that has nothing to say."""
    await socket.stay()


def gaps(events: Sequence[Any]) -> list[Any]:
    """Return those of the events that are gaps."""
    return [each for each in events if each.name == "gap"]


async def until(condition: Callable[[], Any]) -> None:
    """Return once something is so."""
    while not condition():
        await asyncio.sleep(0.005)
