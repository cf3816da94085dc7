"""What is recorded of a server: stamped with its time, and without secrets.

A secret is masked where it is known, and where it is called one. Whatever holds none
stays as it was, character by character; in JSON a masked value keeps its type, and
equal ones stay equal, so that a recording can be played.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from notifyws import __version__, recording
from notifyws.clock import Clock, utc_text
from notifyws.events import Event, as_json
from notifyws.models import strict_json
from notifyws.protocol.frames import decode
from notifyws.protocol.masking import is_called_secret, masked, spellings, without_named
from notifyws.protocol.upgrade import UpgradeRequest

MOST_SECRETS = 1000
"""Spellings of secrets that are remembered: a token lives for minutes."""
SECRETS_SIZE = 1 << 22
"""Characters of all of them."""
LONGEST_SECRET = 8192
"""Characters of one that has a name of its own; no token is longer."""
LEAST = 8
"""Characters of what was captured of an answer and is masked wherever it stands: a
number that is shorter stands in too many others."""
MOST_LINES = 10_000
"""Lines of a frame that are looked at one by one, each as JSON of its own; of more,
what is masked may lose its type: nobody is to wait for them."""
KEPT_HEADERS = ("retry-after", "location")


class Recorder:
    """Writes down what happens."""

    def __init__(
        self,
        write: Callable[[str], None],
        clock: Clock,
        profile: str,
        secrets: Iterable[str] = (),
        *,
        unmasked: bool = False,
    ) -> None:
        self._write, self._clock, self._unmasked = write, clock, unmasked
        self._given = tuple(spellings(*secrets))
        self._learnt: dict[str, None] = {}
        self._names: dict[str, str] = {}
        self._began, self._sockets = clock.now(), 0
        header = recording.Header(
            recording.VERSION,
            f"notifyws {__version__}",
            profile,
            utc_text(clock.wall()),
            "kept" if unmasked else "masked",
        )
        write(recording.line(header))

    def now(self) -> float:
        """Return the seconds since the beginning."""
        return round(self._clock.now() - self._began, 6)

    def opening(self, request: UpgradeRequest) -> int:
        """Return the number of a socket that the client asks for."""
        self._sockets += 1
        self._learn(request.secrets())
        parts = urlsplit(request.url)
        headers = {
            name: self._named(name, value) for name, value in request.headers.items()
        }
        asked = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        protocols = tuple(self.shown(each) for each in request.subprotocols)
        self.note(
            recording.Opening,
            self._sockets,
            url=self.shown(asked),
            headers=headers,
            subprotocols=protocols,
        )
        return self._sockets

    def note(self, kind: type[recording.Entry], socket: int = 0, **facts: Any) -> None:
        """Write an entry down: it is now."""
        entry = kind(at=self.now(), socket=socket, **facts)
        self._write(recording.line(entry))

    def received(self, socket: int, frame: str | bytes) -> None:
        """Write down a frame of the server."""
        if isinstance(frame, str):
            return self.note(recording.Received, socket, text=self.shown(frame))
        coded = base64.b64encode(self._bytes(frame)).decode()
        return self.note(recording.Received, socket, binary=coded)

    def exchanged(
        self, request: Any, reply: Any, found: Iterable[str], hidden: Iterable[str]
    ) -> None:
        """Write down an HTTP exchange, as ``HttpSteps.on_exchange`` tells it."""
        self._learn(each for each in hidden if len(each) >= LEAST)
        parts = urlsplit(request.url)
        answer = reply.text if reply.body is None else _json(reply.body)
        kept = {k: v for k, v in reply.headers.items() if k in KEPT_HEADERS}
        self.note(
            recording.Exchange,
            method=request.method,
            path=self.shown(parts.path),
            status=reply.status,
            asked=self.shown(request.body),
            answer=self.shown(answer),
            headers={name: self.shown(value) for name, value in kept.items()},
            cookies={k: self._pseudonym(v) for k, v in reply.cookies.items()},
        )

    def observe(self, event: Event) -> None:
        """Write down what people are told."""
        told = {
            name: self.shown(value) if isinstance(value, str) else value
            for name, value in as_json(event).items()
        }
        self.note(recording.Happened, event=told)

    def shown(self, text: str) -> str:
        """Return a text without secrets, and as it is where it holds none."""
        text = _without_halves(text)
        return text if self._unmasked else self._unnamed(self._masked(text))

    def _masked(self, text: str) -> str:
        return masked(text, (*self._given, *self._learnt))

    def _learn(self, secrets: Iterable[str]) -> None:
        """Remember secrets, and forget what was not told for the longest time."""
        for secret in secrets:
            self._learnt.pop(secret, None)
            self._learnt[secret] = None
        size, known = sum(map(len, self._learnt)), list(self._learnt)
        for number, old in enumerate(known):
            if len(known) - number <= MOST_SECRETS and size <= SECRETS_SIZE:
                break
            size -= len(old)
            del self._learnt[old]

    def _named(self, name: str, value: str) -> str:
        """Return the value of a header; what says who we are begins with its scheme."""
        if self._unmasked or self.shown(f"{name}: {value}") == f"{name}: {value}":
            return value
        scheme = re.match(r"(?i)(?:bearer|basic|token)\s+", value)
        return f"{scheme[0] if scheme else ''}***"

    def _unnamed(self, known: str) -> str:
        """Return a text, whose known secrets are masked, without what is called one."""
        if (unnamed := without_named(known)) == known:
            return known
        if known.lstrip()[:1] in ("{", "["):
            with suppress(ValueError, RecursionError):
                return strict_json(self._value(decode(known)))
        if not 0 < known.count("\n") < MOST_LINES:
            return unnamed
        return "\n".join(map(self._unnamed, known.split("\n")))

    def _value(self, value: Any, *, secret: bool = False) -> Any:
        """Return a JSON value of the same shape, without what is a secret in it."""
        match value:
            case dict():
                return {
                    key: self._value(each, secret=secret or is_called_secret(key))
                    for key, each in value.items()
                }
            case list():
                return [self._value(each, secret=secret) for each in value]
            case str() if secret:
                return self._pseudonym(value) if value else value
            case str():
                return self._unnamed(_without_halves(value))
            case bool() | None:
                return value
            case _:
                return 0 if secret else value

    def _pseudonym(self, secret: str) -> str:
        """Return what stands for a secret: the same for the same."""
        if self._unmasked:
            return secret
        if len(self._names) >= MOST_SECRETS or len(secret) > LONGEST_SECRET:
            return "***"
        return self._names.setdefault(secret, f"***{len(self._names) + 1}")

    def _bytes(self, frame: bytes) -> bytes:
        try:
            return self.shown(frame.decode()).encode()
        except UnicodeDecodeError:
            if self._unmasked:
                return frame
            text = self._masked(frame.decode(errors="surrogateescape"))
            return text.encode(errors="surrogateescape")


def _json(value: Any) -> str:
    """Return the JSON of an answer; nothing for what no JSON can say."""
    try:
        return strict_json(value)
    except (ValueError, RecursionError):
        return ""


def _without_halves(text: str) -> str:
    """Return a text without lone surrogates, which are no text."""
    return text.encode("utf-8", "replace").decode()
