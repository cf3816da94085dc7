"""An HTTP target for forwarding, in a thread: it keeps what it is sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .httpd import Peer, answer, in_a_thread


@dataclass(frozen=True)
class Posted:
    """One request."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def title(self) -> str:
        return json.loads(self.body)["title"]


@dataclass
class Target:
    """Answers as it is told: a status, or one with headers.

    Attributes:
        answers: the next answers, then 200 for ever.
        posted: everything that was sent.
    """

    url: str = ""
    answers: list[Any] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)

    async def story(self, peer: Peer) -> None:
        request = await peer.request()
        self.posted.append(Posted(request.headers, request.body, time.monotonic()))
        says = self.answers.pop(0) if self.answers else 200
        status, headers = says if isinstance(says, tuple) else (says, {})
        await peer.write(answer(status, **headers))


@contextmanager
def target(port: int = 0) -> Iterator[Target]:
    """A target for as long as the ``with`` lasts."""
    one = Target()
    with in_a_thread(one.story, port=port) as server:
        one.url = f"{server.origin}/hook"
        yield one
