"""Scenes of the field, recorded by ``python -m tests.support.recorded_scenes``.

Each is a server by script that does what a real one was seen to do, and a listener that
is recorded by the tool itself. What stands in ``tests/recordings`` is played in
``tests/e2e/test_recordings.py``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.errors import NotifyError
from notifyws.events import Event
from notifyws.fleet.recorded import recorded
from tests.field import test_centrifugo as centrifugo
from tests.field import test_home_assistant as home_assistant
from tests.field import test_pusher as pusher
from tests.field import test_restarts as restarts
from tests.protocol.profiles.stage import Socket, stage
from tests.support.httpd import Peer, httpd, json_answer
from tests.support.profile_scene import telling

FOLDER = Path(__file__).resolve().parent.parent / "recordings"
FAST = {"cache_url": "memory://", "retry_delays": (0.02,), "jitter": 0.0}
PINGS = {"ping_interval": 0.05, "ping_timeout": 0.15, "close_timeout": 0.1}


@dataclass
class Outcome:
    """What came of listening.

    Attributes:
        titles: of what arrived, in order.
        events: what was told.
        error: what ended it, if it ended by itself.
    """

    titles: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    error: NotifyError | None = None

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.events]


async def listen(
    url: str, scene: Scene, path: Path | None = None, **said: Any
) -> Outcome:
    """Listen until so much has come as the scene brings, or it ends by itself."""
    outcome = Outcome()
    known = {**FAST, **scene.settings, **said}
    service = NotificationService(Settings(url=url, profile=scene.profile, **known))
    service.listener.observers.append(outcome.events.append)

    async def take() -> None:
        async with service:
            await service.connect_with_retry()
            async for notification in service:
                outcome.titles.append(notification.title)
                if len(outcome.titles) == scene.brings:
                    return
            await service.closed()

    try:
        if path is None:
            await take()
        else:
            with recorded(service.listener, path, print):
                await take()
    except NotifyError as error:
        outcome.error = error
    return outcome


@dataclass(frozen=True)
class Scene:
    """A server's story, and who listens.

    Args:
        profile: how the server speaks.
        stories: of one socket after the other, or of whole connections (``raw``).
        brings: how many notifications come; 0 where it ends by itself.
        settings: of the listener.
        answers: of the HTTP side.
        raw: whether the stories begin before the upgrade.
    """

    profile: str
    stories: tuple[Callable[..., Awaitable[None]], ...]
    brings: int
    settings: Mapping[str, Any]
    answers: Callable[[], Mapping[str, Any]] = dict
    raw: bool = False

    async def record(self, path: Path) -> Outcome:
        """Play it for real, recorded."""
        if self.raw:
            async with httpd(restarts.Restarting(*self.stories)) as server:
                return await listen(server.url, self, path)
        async with stage(dict(self.answers()), *self.stories) as one:
            return await listen(one.url, self, path)


_unsubscribes = telling(
    centrifugo.welcome,
    centrifugo.pub("before"),
    centrifugo.unsubscribed(2501, "subscription expired"),
)
_goes_on = telling(centrifugo.welcome, centrifugo.pub("after"))
_ends = telling(centrifugo.welcome, centrifugo.unsubscribed(2000, "server unsubscribe"))
_signed = telling(
    pusher.greets,
    pusher.joins,
    pusher.event("shipped", "private-orders", {"title": "shipped"}),
)


async def _refuses(socket: Socket) -> None:
    await socket.say({"type": "auth_required"})
    await socket.hears()
    said = "Invalid access token or password"
    await socket.say({"type": "auth_invalid", "message": said})
    await socket.peer.close(1000)


async def _is_cut(peer: Peer) -> None:
    await peer.upgrade()
    await peer.say('{"type":"a","title":"before"}')
    await asyncio.sleep(0.05)
    peer.cut()


async def _goes_deaf(peer: Peer) -> None:
    await peer.upgrade()
    await peer.say('{"type":"a","title":"before"}')
    await peer.hang()


SCENES = {
    "centrifugo-resubscribes": Scene(
        "centrifugo", (_unsubscribes, _goes_on), 2, centrifugo.NEWS
    ),
    "centrifugo-ends": Scene("centrifugo", (_ends,), 0, centrifugo.NEWS),
    "home-assistant-refuses": Scene(
        "home-assistant",
        (_refuses,),
        0,
        home_assistant.USER,
        lambda: home_assistant.home(*[home_assistant.ENTRY] * 9)[0],
    ),
    "pusher-signs": Scene(
        "pusher",
        (_signed,),
        1,
        {"variables": pusher.PRIVATE, "token": "app-token"},
        lambda: {"POST /broadcasting/auth": lambda _: json_answer({"auth": "k:1"})},
    ),
    "restart-behind-a-proxy": Scene(
        "default",
        (
            restarts.serves_and_restarts,
            restarts.says_instead(502),
            restarts.says_instead(404),
            restarts.greets,
            restarts.serves,
        ),
        2,
        {"token": "sentinel-token"},
        raw=True,
    ),
    "cut-and-deaf": Scene(
        "default",
        (_is_cut, _goes_deaf, restarts.serves),
        3,
        {"token": "sentinel-token", **PINGS},
        raw=True,
    ),
}


async def main() -> None:
    """Record every scene anew."""
    for name, scene in SCENES.items():
        path = FOLDER / f"{name}.jsonl"
        with suppress(FileNotFoundError):
            path.unlink()
        outcome = await scene.record(path)
        sys.stdout.write(f"{name}: {outcome.titles} {outcome.error}\n")


if __name__ == "__main__":
    asyncio.run(main())
