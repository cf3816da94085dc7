"""A listener of one profile, beside the server by script that it listens to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from notifyws import NotificationService
from tests.protocol.profiles.stage import (
    Answers,
    Socket,
    Stage,
    Story,
    listening,
    stage,
)


@dataclass
class Scene:
    """Both of them, and what the listener has found and told."""

    server: Stage
    service: NotificationService
    found: list[Any]
    events: list[Any]


@asynccontextmanager
async def scene(
    profile: str,
    *stories: Story,
    answers: Answers | None = None,
    upgrade: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Scene]:
    """Connect with a profile to a server that tells these stories.

    Args:
        profile: its name, or its file.
        stories: of one socket after the other; the last one is told to all others.
        answers: of the HTTP side, by method and path.
        upgrade: headers of the answers to upgrades.
        settings: what else the listener is told.
    """
    async with (
        stage(answers or {}, *stories, **(upgrade or {})) as server,
        listening(server, profile, **settings) as (service, found, events),
    ):
        yield Scene(server, service, found, events)


def telling(*steps: Any) -> Story:
    """Return the story of a server that does this on a socket, and stays.

    Args:
        steps: frames that it says, and what it does with the socket.
    """

    async def story(socket: Socket) -> None:
        await _told(socket, steps)
        await socket.stay()

    return story


def cutting(*steps: Any, after: float = 0.0) -> Story:
    """Return the same of a server that is cut off, so many seconds later."""

    async def story(socket: Socket) -> None:
        await _told(socket, steps)
        await asyncio.sleep(after)
        socket.peer.cut()

    return story


async def _told(socket: Socket, steps: Sequence[Any]) -> None:
    for step in steps:
        await (step(socket) if callable(step) else socket.say(step))
