"""Servers that do as they are told: a WebSocket side and an HTTP side.

``ScriptedServer.dial`` is a ``Dial``: each opening meets the next visit of a script,
and everything that was said to the server is kept to be looked at.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from notifyws.auth.cache import TokenCache
from notifyws.auth.cache.memory import MemoryCache
from notifyws.auth.cached_tokens import pack
from notifyws.connection.ports import AtOnce
from notifyws.errors import (
    AuthenticationFailed,
    CacheFailed,
    ConnectionLost,
    NetworkFailed,
    NotifyError,
    ReplyLost,
    UpgradeRefused,
)
from notifyws.models import Account, Token, TokenPair
from notifyws.protocol.upgrade import UpgradeRequest

from .virtual import EPOCH, now

CLOSE_TIMEOUT = 1.5
"""Seconds after which a channel gives up on a peer that does not say goodbye."""
BURST = 8
"""Frames that are read without letting anybody else go on."""


@dataclass(frozen=True)
class Close:
    """The server closes with this code."""

    code: int
    reason: str = ""


@dataclass(frozen=True)
class Hole:
    """From here on nothing comes through, in either direction."""


@dataclass(frozen=True)
class Ping:
    """The server sends a WebSocket ping, which the library answers."""


CUT = Close(1006)
HOLE = Hole()
PING = Ping()
Step = str | bytes | float | Close | Hole | Ping


@dataclass(frozen=True)
class Visit:
    """What one opening meets.

    Args:
        steps: frames to send, seconds to wait, a close, a black hole, a ping.
        error: raised instead of opening.
        after: seconds until it is open, or refused.
        pongs: seconds each pong takes, the last for ever; ``None`` for no pong.
        frozen: nobody answers a close.
    """

    steps: tuple[Step, ...] = ()
    error: NotifyError | None = None
    after: float = 0.0
    pongs: tuple[float | None, ...] = (0.0,)
    frozen: bool = False


def accepts(*steps: Step, **how: Any) -> Visit:
    """Open, then do the steps; stays open unless one of them is a close."""
    return Visit(steps, **how)


def answers(status: int, retry_after: float | None = None) -> Visit:
    """Answer the upgrade with plain HTTP."""
    message = f"ws.example.com answered {status}"
    return Visit(error=UpgradeRefused(message, status=status, retry_after=retry_after))


def fails(error: NotifyError, after: float = 0.0) -> Visit:
    """Come to nothing."""
    return Visit(error=error, after=after)


DOWN = fails(NetworkFailed("ws.example.com refuses the connection", "look at it"))


class ScriptedChannel:
    """A :class:`~notifyws.connection.ports.Transport` that plays a visit's steps.

    Attributes:
        sent: frames sent to the server.
        pinged_at: virtual seconds of every ping.
        read_at: virtual seconds when each frame was read.
        closed_with: the codes of our goodbyes.
        aborted: whether we cut the line.
        answer: called with every frame sent, as a server would be.
        heard_at: virtual seconds; when the server pinged us last.
    """

    def __init__(self, visit: Visit, on_end: Callable[[], None] = lambda: None) -> None:
        self.sent: list[str] = []
        self.pinged_at: list[float] = []
        self.read_at: dict[str | bytes, float] = {}
        self.closed_with: list[int] = []
        self.aborted = False
        self.answer: Callable[[str], None] = lambda text: None
        self.in_a_hole = False
        self.heard_at = 0.0
        self._on_end = on_end
        self._frozen = visit.frozen
        *pongs, last = visit.pongs
        self._pongs = itertools.chain(pongs, itertools.repeat(last))
        self._waiting: deque[str | bytes] = deque()
        self._in_a_row = 0
        self._changed = asyncio.Event()
        self._ended = asyncio.get_running_loop().create_future()
        self._end: Close | None = None
        self._playing: asyncio.Task[None] | None = None
        if visit.steps:
            self._playing = asyncio.create_task(self._play(visit.steps))

    @property
    def open(self) -> bool:
        return self._end is None

    def deliver(self, frame: str | bytes) -> None:
        """Let a frame arrive, unless nothing does."""
        if self.open and not self.in_a_hole:
            self._waiting.append(frame)
            self._changed.set()

    def end(self, close: Close = CUT) -> None:
        """End it, from whichever side."""
        if self.open:
            self._end = close
            self._changed.set()
            self._ended.set_result(None)
            self._on_end()
            if self._playing is not None:
                self._playing.cancel()

    async def burst(self, at_once: AtOnce | None = None) -> Sequence[str | bytes]:
        await self._let_others_go_on()
        while not self._waiting:
            self._raise_if_ended()
            self._in_a_row = 0
            self._changed.clear()
            await self._changed.wait()
        frame = self._waiting.popleft()
        self.read_at[frame] = now()
        return [frame]

    async def _let_others_go_on(self) -> None:
        self._in_a_row += 1
        if self._in_a_row % BURST == 0:
            await asyncio.sleep(0)

    async def send_all(self, texts: Iterable[str]) -> None:
        for text in texts:
            self._raise_if_ended()
            self.sent.append(text)
            self.answer(text)

    async def ping(self) -> None:
        self._raise_if_ended()
        self.pinged_at.append(now())
        takes = next(self._pongs)
        await asyncio.wait({self._ended}, timeout=None if self.in_a_hole else takes)
        self._raise_if_ended()

    async def close(self, code: int, reason: str) -> None:
        if self.open:
            self.closed_with.append(code)
            if self._frozen:
                await asyncio.sleep(CLOSE_TIMEOUT)
            self.end(Close(code, reason))

    def abort(self) -> None:
        self.aborted = self.aborted or self.open
        self.end()

    def _raise_if_ended(self) -> None:
        if self._end is not None:
            raise ConnectionLost(self._end.code, self._end.reason)

    async def _play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case float() | int():
                    await asyncio.sleep(step)
                case Close():
                    self._playing = None
                    self.end(step)
                case Hole():
                    self.in_a_hole = True
                case Ping():
                    self.heard_at = now()
                case _:
                    self.deliver(step)
        self._playing = None


class FlakyCache(TokenCache):
    """A cache that can be taken down; counts how often it is asked.

    Attributes:
        inner: what is in it, down or not.
        loses_answers: when it is down it does what it is asked, and does not say so.
    """

    backend, url = "flaky", "flaky://"

    def __init__(self, now: Callable[[], float]) -> None:
        self.inner = MemoryCache(now)
        self.down = False
        self.loses_answers = False
        self.asked = 0

    async def _ask(self, call):
        self.asked += 1
        if self.down and not self.loses_answers:
            call.close()
            raise CacheFailed("token cache flaky:// is down", "mend it")
        answer = await call
        if self.down:
            raise CacheFailed("token cache flaky:// did not answer")
        return answer

    async def read(self, account, *names):
        return await self._ask(self.inner.read(account, *names))

    async def replace(self, account, entries, *, expect):
        return await self._ask(self.inner.replace(account, entries, expect=expect))

    async def aclose(self):
        await self._ask(self.inner.aclose())


async def warm(cache: TokenCache, account: Account, pair: TokenPair) -> None:
    """Put tokens into a cache as a login would, which costs a slow digest."""
    assert pair.refresh is not None
    texts = {
        "access": (pack(pair.access, pair.user_id), pair.access.fresh_for),
        "refresh": (pack(pair.refresh, pair.user_id), pair.refresh.fresh_for),
    }
    await cache.replace(account.id, texts, expect={})


class ScriptedServer:
    """The WebSocket side.

    Args:
        visits: what each opening meets, in order.
        then: what the later ones meet.

    Attributes:
        openings: everything that was said before a socket was open.
        dialled_at: virtual seconds of every opening.
        channels: every socket that was opened.
        most_open: how many sockets were open at a time, at most.
    """

    def __init__(self, *visits: Visit, then: Visit | None = None) -> None:
        self._visits = deque(visits)
        self._then = then or accepts()
        self.openings: list[UpgradeRequest] = []
        self.dialled_at: list[float] = []
        self.channels: list[ScriptedChannel] = []
        self.most_open = 0

    @property
    def open(self) -> list[ScriptedChannel]:
        """The sockets that are open now."""
        return [transport for transport in self.channels[-4:] if transport.open]

    @property
    def bearers(self) -> list[str]:
        """The token of every opening."""
        shown = (each.headers["Authorization"] for each in self.openings)
        return [value.removeprefix("Bearer ") for value in shown]

    @property
    def sinces(self) -> list[str | None]:
        """The id after which every opening asked to resume."""
        return [since_of(each) for each in self.openings]

    async def dial(self, upgrade_request: UpgradeRequest) -> ScriptedChannel:
        self.openings.append(upgrade_request)
        self.dialled_at.append(now())
        visit = self.next_visit()
        await asyncio.sleep(visit.after)
        if visit.error is not None:
            raise visit.error.with_traceback(None)
        transport = ScriptedChannel(visit)
        self.channels.append(transport)
        self.most_open = max(self.most_open, len(self.open))
        return transport

    def next_visit(self) -> Visit:
        """Return what the next opening meets."""
        return self._visits.popleft() if self._visits else self._then


class NewsServer(ScriptedServer):
    """A server where things happen whether anybody listens or not.

    Args:
        keeps: how many notifications it can replay.
        repeats: how many it replays that were asked for no more.
        nameless: every how many-th has no id and is never replayed; 0 for none.

    Attributes:
        weather: what an opening meets now.
        repeats: as given.
        news: every notification's number, and the unix seconds of its birth.
    """

    def __init__(self, *, keeps: int, repeats: int = 0, nameless: int = 0) -> None:
        super().__init__()
        self._keeps = keeps
        self._nameless = nameless
        self.repeats = repeats
        self.weather = accepts()
        self.news: dict[int, float] = {}

    def next_visit(self) -> Visit:
        return self.weather

    def publish(self) -> None:
        """Let something happen."""
        ident = len(self.news) + 1
        self.news[ident] = EPOCH + now()
        for transport in self.hearing:
            transport.deliver(self.note(ident))

    @property
    def hearing(self) -> list[ScriptedChannel]:
        """The sockets to which what happens is delivered."""
        return self.open

    def note(self, ident: int) -> str:
        """Return the frame of a notification, by its number."""
        return note(None if self._has_no_id(ident) else ident, title=str(ident))

    def _has_no_id(self, ident: int) -> bool:
        return self._nameless > 0 and ident % self._nameless == 0

    def cut(self, close: Close = CUT) -> None:
        """End every connection."""
        for transport in self.open:
            transport.end(close)

    def swallow(self) -> None:
        """Let every connection become a black hole."""
        for transport in self.open:
            transport.in_a_hole = True

    async def dial(self, upgrade_request: UpgradeRequest) -> ScriptedChannel:
        transport = await super().dial(upgrade_request)
        since = since_of(upgrade_request)
        if since is not None:
            self._replay(transport, int(since))
        return transport

    def _replay(self, transport: ScriptedChannel, since: int) -> None:
        oldest = max(1, len(self.news) - self._keeps + 1)
        if since + 1 < oldest:
            transport.deliver('{"type":"gap"}')
        for ident in range(max(oldest, since + 1 - self.repeats), len(self.news) + 1):
            if not self._has_no_id(ident):
                transport.deliver(self.note(ident))


def note(ident: int | str | None = None, **fields: Any) -> str:
    """Return a notification's frame."""
    named = {} if ident is None else {"id": ident}
    return json.dumps({"type": "note", **named, **fields})


def since_of(upgrade_request: UpgradeRequest) -> str | None:
    """Return after which id an opening asks to resume."""
    return parse_qs(urlsplit(upgrade_request.url).query).get("since", [None])[0]


@dataclass
class ScriptedIssuer:
    """The HTTP side: gives tokens, counts who asks, and fails as it is told.

    Args:
        password: the one it accepts.
        takes: seconds every answer takes.
        prepares: seconds it takes to get ready, the first time.
        rotates: whether a refresh gives a new refresh token and ends the old one.
        says_user: whether a refresh's reply names the user.
        problems: name of a call -> what its next calls raise, in order.
        lost: names of calls whose next reply gets lost on its way.

    Attributes:
        logins: passwords shown; refreshes, logouts: refresh tokens shown.
        good: refresh tokens that are accepted.
    """

    password: str = "right"
    takes: float = 0.2
    prepares: float = 0.0
    rotates: bool = True
    says_user: bool = True
    access_life: float = 900.0
    refresh_life: float = 604800.0
    problems: dict[str, list[NotifyError]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    logins: list[str] = field(default_factory=list)
    refreshes: list[str] = field(default_factory=list)
    logouts: list[str] = field(default_factory=list)
    good: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    @property
    def asked(self) -> tuple[int, int]:
        """How many logins and refreshes there were."""
        return len(self.logins), len(self.refreshes)

    async def prepare(self) -> None:
        takes, self.prepares = self.prepares, 0.0
        if takes:
            await asyncio.sleep(takes)

    async def login(self, username: str, password: str) -> TokenPair:
        self.logins.append(password)
        await self._work("login")
        if password != self.password:
            raise AuthenticationFailed("the server refused the password", "try another")
        return await self._reply("login", self.pair())

    async def refresh(self, refresh_token: str) -> TokenPair:
        self.refreshes.append(refresh_token)
        await self._work("refresh")
        if refresh_token not in self.good:
            raise AuthenticationFailed("the server refused the refresh token")
        if self.rotates:
            self.good.discard(refresh_token)
        pair = self.pair(new=self.rotates, says_user=self.says_user)
        return await self._reply("refresh", pair)

    async def logout(self, access_token: str, refresh_token: str) -> None:
        self.logouts.append(refresh_token)
        await self._work("logout")
        self.good.discard(refresh_token)

    async def _work(self, call: str) -> None:
        await asyncio.sleep(self.takes)
        if self.problems.get(call):
            raise self.problems[call].pop(0)

    async def _reply(self, call: str, pair: TokenPair) -> TokenPair:
        if call in self.lost:
            self.lost.discard(call)
            await asyncio.sleep(10 - self.takes)
            raise ReplyLost(f"no answer to {call} within 10 s")
        return pair

    def pair(self, *, new: bool = True, says_user: bool = True) -> TokenPair:
        """Make tokens that are accepted."""
        number = next(self._numbers)
        refresh = None
        if new:
            life = self.refresh_life
            refresh = Token(f"refresh-{number}", life, life / 14)
            self.good.add(refresh.value)
        access = Token(f"access-{number}", self.access_life, self.access_life / 5)
        return TokenPair(access, refresh, "42" if says_user else None)
