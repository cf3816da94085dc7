"""One scene for whatever happens to a session: its server, its tokens, its reader."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial

from notifyws.auth.cache import TokenCache
from notifyws.auth.cache.memory import MemoryCache
from notifyws.auth.token_manager import TokenManager
from notifyws.config.settings import Settings
from notifyws.connection.catch_up import CatchUp
from notifyws.connection.ports import Keepalive, ServerProtocol
from notifyws.connection.reconnect import Reconnector
from notifyws.connection.second_connection import replayed
from notifyws.connection.session import Session
from notifyws.connection.verification import Verifier
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Receiver
from notifyws.errors import NotifyError
from notifyws.events import Reconnecting
from notifyws.models import Account, Notification
from notifyws.protocol.cursor import Cursor
from notifyws.protocol.failures import FailureClassifier
from notifyws.protocol.profile import Catchup, Renewal, Rule, Step
from notifyws.protocol.rules import Rules
from notifyws.protocol.upgrade import UpgradeRequest

from .scripted import ScriptedIssuer, ScriptedServer, Visit, warm
from .virtual import VirtualClock, now

URL = "wss://ws.example.com"
ACCOUNT = Account("https://ws.example.com", "default", "alice")
RULES = Rules(
    [
        Rule(match={"type": "gap"}, then="gap"),
        Rule(match={"type": "expired"}, then="token expired"),
        Rule(then="notification"),
    ]
)


class Scene:
    """A session, the server it speaks with, and a reader of what it tells.

    Args:
        visits: what each opening meets, in order.
        then: what the later ones meet.
        server: another server than a scripted one.
        resume: whether the server can replay.
        since: the last id known at the start.
        room: how many notifications may wait.
        reads_at: when somebody begins to read, in seconds; ``None`` for never.
        cache: where tokens are kept.
        is_warm: whether tokens are cached at the start.
        tokens: gives tokens, instead of a token manager.
        archive: where what was missed is fetched.
        pages: how often it may be asked.
        order: how it sorts what it gives.
        begins: whether a server can be asked from a time on.
        renewal: how the token of a live connection is renewed.
        life: seconds that an access token lives.
        unconfirmed: whether nothing says from when on a socket brings anything.
    """

    def __init__(
        self,
        *visits: Visit,
        then: Visit | None = None,
        server: ScriptedServer | None = None,
        resume: bool = True,
        since: int | None = None,
        room: int = 10_000,
        reads_at: float | None = 0.0,
        cache: TokenCache | None = None,
        is_warm: bool = True,
        password: str = "right",
        tokens=None,
        archive=None,
        pages=20,
        order="oldest first",
        begins=True,
        renewal: Renewal | None = None,
        life: float = 900.0,
        unconfirmed: bool = False,
        dice=(0.0,),
        **patience,
    ) -> None:
        self.clock = VirtualClock(dice)
        clock = self.clock.clock
        self.server = server or ScriptedServer(*visits, then=then)
        self.issuer = ScriptedIssuer(takes=0.0, access_life=life)
        self.cache = cache or MemoryCache(now)
        self.token_manager = TokenManager(
            ACCOUNT, self.cache, self.issuer, clock, username="alice", password=password
        )
        self.queue: DeliveryQueue = DeliveryQueue(room, 1 << 24)
        cursor = Cursor(since, can_resume=resume, dumps=order == "newest first")
        self.receiver = Receiver(RULES, self.queue, cursor, clock)
        self.told: list = []
        self.told_at: list[float] = []
        self.receiver.emitter.observers.append(self.observe)
        self.shown: list[int | str | None] = []
        self.pause = 0.0
        settings, tokens = Settings(**patience), tokens or self.token_manager
        catch_up = archive and CatchUp(
            Catchup(step=Step(path="/missed"), pages=pages, order=order),
            archive.fetch,
            tokens,
            FailureClassifier(),
            settings,
            clock,
        )
        opening = opener if resume else without_id
        protocol = ServerProtocol(
            URL,
            opening,
            FailureClassifier(),
            renewal,
            catch_up=catch_up,
            unconfirmed=unconfirmed,
        )
        verifier = None
        if settings.verify_every:
            how = self.server.dial, Keepalive(), tokens, clock
            ask = catch_up.after if catch_up else partial(replayed, protocol, *how)
            told = settings.verify_every, self.receiver, clock
            verifier = Verifier(ask, *told, begins=begins)
        self.session = Session(
            Reconnector(settings, clock.dice),
            tokens,
            self.server.dial,
            protocol,
            self.receiver,
            clock,
            Keepalive(),
            verifier,
        )
        self.running = asyncio.create_task(self._live(is_warm))
        self._reading = None
        if reads_at is not None:
            self._reading = asyncio.create_task(self.read(reads_at))

    async def _live(self, is_warm: bool) -> None:
        if is_warm:
            await warm(self.cache, ACCOUNT, self.issuer.pair())
        await self.session.run()

    def observe(self, event) -> None:
        self.told.append(event)
        self.told_at.append(now())

    async def read(self, after: float = 0.0) -> None:
        """Show what arrives, burst by burst."""
        await asyncio.sleep(after)
        while burst := await self.queue.get():
            for each in burst:
                if isinstance(each, Notification):
                    self.show(each)
            await asyncio.sleep(self.pause)

    def show(self, notification: Notification) -> None:
        self.shown.append(named(notification))

    async def ended(self) -> NotifyError | None:
        """Wait for the end; return what was raised, if anything."""
        try:
            await self.running
        except NotifyError as error:
            return error
        finally:
            if self._reading is not None:
                await self._reading
        return None

    async def stop(self) -> NotifyError | None:
        self.session.stop()
        return await self.ended()

    async def stop_after(self, seconds: float) -> NotifyError | None:
        await asyncio.sleep(seconds)
        return await self.stop()

    def of(self, kind) -> list:
        return [event for event in self.told if isinstance(event, kind)]

    @property
    def delays(self) -> list[float]:
        return [event.delay for event in self.of(Reconnecting)]

    @property
    def transport(self):
        return self.server.channels[-1]


class Archive:
    """An HTTP side that gives what was missed, some at a time and the oldest first.

    Args:
        problems: raised instead, one after the other.
        holds: the numbers it keeps.
        page: how many it gives at a time.
    """

    def __init__(self, *problems: NotifyError, holds=(), page: int = 5) -> None:
        self._problems, self._page = list(problems), page
        self.holds = holds
        self.asked_at: list[float] = []

    async def fetch(self, token: str, known) -> list[dict]:
        self.asked_at.append(now())
        if self._problems:
            raise self._problems.pop(0)
        later = [each for each in self.holds if each > (known["last_id"] or 0)]
        return [{"type": "note", "id": number} for number in later[: self._page]]


def named(notification: Notification) -> int | str | None:
    """Return its id; its number, where a title holds that instead."""
    if notification.id is None and notification.title:
        return int(notification.title)
    return notification.id


def opener(token: str, last_id: int | str | datetime | None) -> UpgradeRequest:
    last_id = 0 if isinstance(last_id, datetime) else last_id  # all that it keeps
    query = "" if last_id is None else f"?since={last_id}"
    return UpgradeRequest(f"{URL}/{query}", {"Authorization": f"Bearer {token}"})


def without_id(token: str, last_id: int | str | None) -> UpgradeRequest:
    return opener(token, None)
