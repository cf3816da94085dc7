"""Puts the real parts together: the only module that knows the adapters' names.

Each part is built when it is first asked for, so that a command pays only for what
it uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec.structs import asdict

from notifyws.clock import utc_text
from notifyws.config import keyring as passwords
from notifyws.config.settings import Settings, TypeStyle
from notifyws.config.urls import (
    canonical_origin,
    checked_url,
    is_plain_and_far,
    shown_url,
)
from notifyws.config.validation import environment_name
from notifyws.errors import (
    CacheFailed,
    ConfigurationError,
    NetworkFailed,
    UsageError,
)
from notifyws.models import Account, Message, Token, TokenPair, strict_json
from notifyws.protocol.loader import is_file, read_profile

if TYPE_CHECKING:
    import ssl

    from notifyws.auth.cache.encrypted import Seal
    from notifyws.auth.cache.fallback import FallbackCache
    from notifyws.auth.cached_tokens import AccessToken
    from notifyws.auth.http_api import HttpApi
    from notifyws.auth.token_manager import StaticTokenProvider, TokenManager
    from notifyws.clock import Clock
    from notifyws.connection.backoff import Policy
    from notifyws.connection.catch_up import CatchUp
    from notifyws.connection.connection import Dial, Keepalive
    from notifyws.connection.renewal import RenewalSchedule
    from notifyws.connection.server_protocol import ServerProtocol
    from notifyws.connection.session import Session
    from notifyws.delivery.durable_listener import SharedCursor
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.queue import DeliveryQueue
    from notifyws.delivery.receiver import Item, Receiver, Selection
    from notifyws.delivery.sender import SendResult
    from notifyws.fleet.heartbeat import Heartbeat
    from notifyws.fleet.listener_entry import Counts, Listener
    from notifyws.models import DeliveryTargets
    from notifyws.protocol.composer import Composed, Composer
    from notifyws.protocol.cursor import Cursor
    from notifyws.protocol.failures import FailureClassifier
    from notifyws.protocol.profile import Ack, Profile, Resume, Send
    from notifyws.protocol.template_context import TemplateContext
    from notifyws.protocol.token_replies import Lifetimes

__all__ = ["Runtime", "default_cache"]

NEVER = 400 * 86400.0
"""Seconds for which no token is good where none is needed."""


class Runtime:
    """The real parts for some settings.

    Args:
        settings: what to build for.
        warn: is told, in one sentence, what works less well than it should.
    """

    def __init__(self, settings: Settings, warn: Callable[[str], None]) -> None:
        self.settings = settings
        self._warn = warn
        self.odd_values: list[str] = []

    @cached_property
    def url(self) -> str:
        """The socket's URL.

        Raises:
            ConfigurationError: there is none, or none that can be used.
        """
        url = self.settings.connect_url
        if not url:
            hint = (
                "notifyws auth login --save, or set WEBSOCKET_SERVER_URL; "
                "to try it: notifyws listen --demo"
            )
            raise ConfigurationError("no server is configured", hint)
        if is_plain_and_far(checked_url(url)):
            self._warn("ws:// sends tokens unencrypted; use wss:// if you can")
        return url

    @cached_property
    def origin(self) -> str:
        """The HTTP side's origin: the server's, whatever the socket's URL is."""
        return canonical_origin(checked_url(self.settings.url or self.url))

    @cached_property
    def account(self) -> Account:
        """Whose tokens these are."""
        settings = self.settings
        name = settings.profile
        if is_file(name):
            name = self.profile.name
        subject = settings.username or settings.token
        origin = self.origin
        socket = canonical_origin(checked_url(settings.connect_url))
        elsewhere = socket if socket != origin else ""
        return Account(origin, name, subject, elsewhere, settings.apart)

    @cached_property
    def profile(self) -> Profile:
        """How the server speaks.

        Raises:
            ConfigurationError: there is no such profile, or it is wrong.
        """
        return read_profile(self.settings.profile)

    @property
    def styles(self) -> Mapping[str, TypeStyle]:
        """How each type looks: as the settings say, else as the profile does."""
        types = self.profile.types.items()
        said = {name: TypeStyle(**asdict(style)) for name, style in types}
        return {**said, **self.settings.styles}

    @cached_property
    def clock(self) -> Clock:
        """The real clock, sleep and dice."""
        from notifyws.config.machine import real_clock

        return real_clock()

    @cached_property
    def cache(self) -> FallbackCache:
        """The token cache, behind one that takes over when it fails."""
        from notifyws.auth.cache.checked import CheckedCache
        from notifyws.auth.cache.fallback import FallbackCache
        from notifyws.auth.cache.opening import open_cache

        try:
            cache = open_cache(self.cache_url)
        except ConfigurationError as error:
            name = "cache_url" if self.settings.cache_url else "redis_url"
            message = f"{environment_name(name)}: {error.message}"
            raise ConfigurationError(message, error.hint) from None
        if self.seal is not None:
            from notifyws.auth.cache.encrypted import SealedCache

            cache = SealedCache(cache, self.seal)
        return FallbackCache(CheckedCache(cache, self._odd), self._warn)

    def _odd(self, sentence: str) -> None:
        self.odd_values.append(sentence)
        self._warn(sentence)

    @cached_property
    def seal(self) -> Seal | None:
        """What cached tokens are sealed with, if they are.

        Raises:
            ConfigurationError: the extra is not installed.
        """
        if not self.settings.cache_key or self.cache_url.startswith("memory:"):
            return None
        from notifyws.auth.cache.encrypted import Seal

        return Seal(self.settings.cache_key)

    def want_emptied(self) -> None:
        """Raise unless the real cache has just been emptied, and not only memory.

        Raises:
            NetworkFailed: the cache did not answer, so the tokens are still in it.
        """
        if not self.cache.healthy:
            message = f"the tokens are still in {self.cache.url}: it did not answer"
            raise NetworkFailed(message, "start it, and run this command again")

    @property
    def cache_url(self) -> str:
        """Where tokens are cached; may hold a password."""
        chosen = self.settings.cache_url or self.settings.redis_url
        return chosen or f"sqlite://{quote(str(default_cache()))}"

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """Whom to trust; ``None`` where nothing is encrypted.

        Raises:
            ConfigurationError: the file of authorities cannot be read.
        """
        if not (self.origin.startswith("https") or self.url.lower().startswith("wss")):
            return None
        from notifyws.config.machine import trust

        return trust(self.settings.ca_file)

    @cached_property
    def lifetimes(self) -> Lifetimes:
        """How long tokens live where the server does not say."""
        from notifyws.protocol.token_replies import Lifetimes

        s = self.settings
        return Lifetimes(s.access_ttl, s.refresh_ttl, s.access_margin, s.refresh_margin)

    @cached_property
    def http(self) -> HttpApi:
        """The server's HTTP side."""
        from notifyws.auth.http_api import HttpApi

        timeout = self.settings.http_timeout
        return HttpApi(
            self.origin,
            self.profile,
            self.lifetimes,
            variables=self.variables,
            timeout=timeout,
            tls=self.tls,
        )

    @cached_property
    def variables(self) -> Mapping[str, Any]:
        """The profile's constants, and what the user gave for what it leaves open.

        Raises:
            ConfigurationError: something it needs is missing, or unknown to it.
        """
        from notifyws.protocol.variables import given_variables

        return given_variables(self.profile, self.settings.variables)

    @cached_property
    def tokens(self) -> TokenManager | StaticTokenProvider:
        """Whoever gives tokens: one that keeps them, or the ready-made one."""
        from notifyws.auth.token_manager import StaticTokenProvider
        from notifyws.protocol.token_replies import static_token

        if self.settings.token:
            return StaticTokenProvider(
                static_token(
                    self.settings.token, self.lifetimes, time.time(), self._claim
                )
            )
        if self.profile.http.login is None and self._needs_no_token:
            return StaticTokenProvider(TokenPair(Token("", NEVER, 0.0)))
        return self.token_manager

    @property
    def _claim(self) -> str:
        where = self.profile.tokens
        return where.user_claim if where else "sub"

    @property
    def _needs_no_token(self) -> bool:
        """Whether the profile can do without one: nothing of it says it cannot."""
        return self.profile.socket.token_in == "none"

    @cached_property
    def token_manager(self) -> TokenManager:
        """Whoever keeps this account's tokens."""
        from notifyws.auth.token_manager import TokenManager

        return TokenManager(
            self.account,
            self.cache,
            self.http,
            self.clock,
            username=self.settings.username,
            password=self.settings.password,
            find_password=self.kept_password,
        )

    @property
    def may_log_in(self) -> bool:
        """Whether there is a password, or a keyring that may hold one (unasked)."""
        kept = self._looks_in_keyring and passwords.can_keep()
        return bool(self.settings.password) or kept

    @property
    def _looks_in_keyring(self) -> bool:
        return self.settings.keyring and bool(self.settings.username)

    async def kept_password(self, patience: float = passwords.PATIENCE) -> str:
        """Return what the system's keyring holds for this account.

        Args:
            patience: seconds to wait for it.
        """
        if not self._looks_in_keyring:
            return ""
        found = await passwords.find(self.origin, self.settings.username, patience)
        if found is None:
            self._warn("the keyring does not answer; is it locked?")
        return found or ""

    def warm_token(self) -> AccessToken | None:
        """Return the cached token where it lies in a file, ``None`` otherwise.

        Reads synchronously: an event loop alone would double what it takes.
        """
        if self.settings.token or not self.cache_url.startswith("sqlite:"):
            return None
        from notifyws.auth.cache.opening import sqlite_path
        from notifyws.auth.cache.sqlite_store import SqliteStore
        from notifyws.auth.cached_tokens import ACCESS, read_cached_tokens

        store = SqliteStore(sqlite_path(self.cache_url))
        try:
            entries = store.read(self.account.id, *ACCESS)
            if self.seal is not None:
                entries = self.seal.opened(self.account.id, entries)
            return read_cached_tokens(entries).access
        except CacheFailed:
            return None
        finally:
            store.close()

    @cached_property
    def server_protocol(self) -> ServerProtocol:
        """How the server speaks on the socket."""
        from notifyws.connection.server_protocol import ServerProtocol
        from notifyws.protocol.failures import FailureClassifier
        from notifyws.protocol.upgrade import upgrade_request

        profile, url = self.profile, self.url
        classifier = FailureClassifier(profile.closes, profile.statuses)
        known = {"origin": self.origin, "username": self.settings.username or None}
        open_it = partial(
            upgrade_request,
            profile,
            url,
            token_in=self.settings.token_in,
            variables={**known, **self.variables},
        )
        return ServerProtocol(
            shown_url(url),
            lambda token, place: open_it(token, last_id=place),
            classifier,
            self._renewal,
            self.http.verify if profile.http.verify else None,
            self._catching_up(classifier),
        )

    @property
    def _renewal(self) -> RenewalSchedule | None:
        from notifyws.connection.renewal import RenewalSchedule

        renewal = self.profile.renewal
        live = renewal.how != "none"
        return RenewalSchedule(renewal, self.settings.access_margin) if live else None

    def _catching_up(self, classifier: FailureClassifier) -> CatchUp | None:
        from notifyws.connection.catch_up import CatchUp

        resume = self.profile.resume
        if resume is None or resume.catchup is None:
            return None
        fetch, policy = self.http.catch_up, self._policy(None)
        return CatchUp(resume.catchup, fetch, classifier, policy, self.clock)

    def outbox(self, name: str | None, deliver: DeliveryTargets) -> Outbox:
        """Return the queue of what is handed on, and of what a listener has seen.

        Raises:
            ConfigurationError: a sink cannot be, or such a listener runs already.
        """
        from notifyws.delivery.build import build_outbox

        account = self.account.id
        return build_outbox(
            self.settings, deliver, name, account, self.clock, self._warn
        )

    def shared_cursor(self, name: str) -> SharedCursor | None:
        """Return a listener's place in the cache; ``None`` if no host shares that."""
        from notifyws.delivery.durable_listener import SharedCursor

        if self.cache.backend != "redis":
            return None
        return SharedCursor(self.cache, self.account.id, name, self.clock)

    def receiver(
        self,
        queue: DeliveryQueue[Item],
        *,
        since: str | int | datetime | None,
        frames: bool,
        selection: Selection | None = None,
        outbox: Outbox | None = None,
    ) -> Receiver:
        """Return what takes frames in.

        Args:
            inbox: for whoever shows things.
            since: id of the last notification known, or the time to begin at;
                ``None`` for "from now".
            frames: hand over frames that are no notifications, too.
            selection: which notifications are wanted.
            outbox: keeps them, and knows where a durable listener stood.

        Raises:
            UsageError: the server cannot replay from there.
        """
        from notifyws.connection.event_emitter import GapStart
        from notifyws.delivery.receiver import Receiver
        from notifyws.protocol.frames import decoder
        from notifyws.protocol.rules import Rules

        profile, socket = self.profile, self.profile.socket
        plain = socket.frames == "json" and not socket.json_in
        rules = Rules(
            profile.rules,
            None if plain else decoder(socket.frames, socket.json_in),
            profile.send.ack if profile.send else None,
            profile.renewal if profile.renewal.how == "frame" else None,
        )
        receiver = Receiver(
            rules,
            queue,
            self._cursor(since, outbox),
            self.clock,
            frames=frames,
            selection=selection,
            outbox=outbox,
        )
        heard_at = outbox.position.heard_at if outbox else ""
        if isinstance(since, datetime):
            heard_at = utc_text(since.timestamp())
        if heard_at:
            receiver.gaps.begin(GapStart(heard_at))
        return receiver

    def _cursor(
        self, since: str | int | datetime | None, outbox: Outbox | None
    ) -> Cursor:
        from notifyws.protocol.cursor import Cursor

        profile, resume = self.profile, self.profile.resume
        start: dict[str, Any] = {"last_id": since}
        if outbox:
            stood = outbox.position
            start["mixed"] = stood.mixed
            if since is None:
                start |= {"last_id": stood.last_id, "seen": outbox.seen}
        if isinstance(since, datetime):
            self._want_replay_by_time()
            start = {"since": since.astimezone(UTC)}
        return Cursor(
            **start,
            can_resume=resume is not None and not _only_snapshot(resume),
            snapshot=resume is not None and resume.snapshot,
            repeats=profile.renewal.how == "reconnect",
        )

    def _want_replay_by_time(self) -> None:
        from notifyws.protocol.since import can_begin

        if can_begin(self.profile):
            return
        name, asked = self.profile.name, self.profile.resume is not None
        what = "replay from a time on" if asked else "replay"
        message = f"--since: a server of profile {name} cannot {what}"
        hint = "leave it out, or give an id" if asked else "leave it out"
        raise UsageError(message, hint)

    @property
    def sends_by_http(self) -> bool:
        """Whether messages go over the HTTP side, so that no socket is needed."""
        return self.profile.send is not None and self.profile.send.http is not None

    @property
    def ack(self) -> Ack | None:
        """How the server acknowledges messages, if it does."""
        return self.profile.send.ack if self.profile.send else None

    def compose(self, message: Message, context: TemplateContext) -> Composed:
        """Return a message as the frame that the profile makes of it.

        Args:
            message: what to send.
            script: what is known on the socket it will go over.

        Raises:
            ConfigurationError: the profile does not send frames.
            UsageError: the payload holds what JSON cannot say.
        """
        return self._composer.compose(message, context)

    @cached_property
    def _composer(self) -> Composer:
        from notifyws.protocol.composer import Composer

        return Composer(self._send)

    def frame(self, message: Message) -> str:
        """Return a message as it would be sent first on a socket, or by HTTP."""
        from notifyws.protocol.composer import of_message
        from notifyws.protocol.template import UNSET, fill
        from notifyws.protocol.template_context import TemplateContext

        context = TemplateContext(self.variables, self.clock.wall, self.clock.secret)
        if not self.sends_by_http:
            return self.compose(message, context).frame
        steps = self._send.http
        last = steps[-1] if isinstance(steps, tuple) else steps
        assert last is not None
        known = context.variables(**of_message(message))
        body = fill(last.body if last.form is None else last.form, known)
        request = {"method": last.method, "path": last.path}
        return strict_json({**request, "body": None if body is UNSET else body})

    async def send_by_http(self, messages: Sequence[Message]) -> list[SendResult]:
        """Send messages in order; return what became of each.

        Raises:
            NetworkFailed, AuthenticationFailed: there is no token to send with.
        """
        from notifyws.delivery.sender import HttpSender

        return await HttpSender(self.tokens, self.http.send).send(messages)

    @property
    def _send(self) -> Send:
        if self.profile.send is None:
            name = self.profile.name
            raise ConfigurationError(f"profile {name} does not say how to send")
        return self.profile.send

    def _policy(self, retries: int | None) -> Policy:
        from notifyws.connection.backoff import Policy

        s = self.settings
        return Policy(
            s.retry_delays, s.jitter, s.stable_after, retries, s.retry_after_max
        )

    def session(self, receiver: Receiver, *, retries: int | None) -> Session:
        """Return a session that keeps one connection.

        Args:
            intake: takes what arrives.
            retries: reconnects in a row before giving up; ``None`` for never.
        """
        from notifyws.connection.reconnect import Reconnector
        from notifyws.connection.session import Session

        return Session(
            Reconnector(self._policy(retries), self.clock.dice),
            self.tokens,
            self.dial,
            self.server_protocol,
            receiver,
            self.clock,
            self.keepalive,
        )

    @cached_property
    def dial(self) -> Dial:
        """Opens sockets."""
        from notifyws.connection.transport import Limits, dial

        s = self.settings
        limits = Limits(s.open_timeout, s.close_timeout, s.max_size, s.compression)
        return partial(dial, limits=limits, tls=self.tls)

    @property
    def keepalive(self) -> Keepalive:
        """How a dead line is noticed."""
        from notifyws.connection.connection import Keepalive

        said = self.profile.keepalive
        return Keepalive(
            self.settings.ping_interval,
            self.settings.ping_timeout,
            said.websocket_pings,
            said.ping,
            said.silence,
        )

    def heartbeat(
        self,
        name: str | None,
        counts: Callable[[], Counts],
        secrets: Callable[[], Iterable[str]],
    ) -> Heartbeat | None:
        """Return what keeps a listener's sign of life; ``None`` where none sees it.

        Args:
            name: the listener's, if it has one.
            counts: returns what it has counted so far.
            secrets: returns what nobody else may see.
        """
        import os
        import socket

        from notifyws.fleet.heartbeat import Heartbeat
        from notifyws.fleet.listener_entry import Listener

        s = self.settings
        if s.token and not (s.cache_url or s.redis_url):
            return None  # with a ready-made token no file is made
        if self.cache.backend == "memory":
            return None
        who = Listener(name, socket.gethostname(), os.getpid())
        board, account = self.cache.primary, self.account.id
        return Heartbeat(board, account, who, counts, self.clock, secrets)

    async def listeners(self, name: str | None = None) -> list[Listener]:
        """Return this account's running listeners, or those of one name.

        Raises:
            CacheFailed: the token cache cannot tell.
        """
        from notifyws.fleet.heartbeat import find_listeners

        found = await find_listeners(self.cache.primary, self.account.id)
        return [each for each in found if name in (None, each.name)]

    async def aclose(self) -> None:
        """Let go of what was opened."""
        if "cache" in self.__dict__:
            await self.cache.aclose()


def _only_snapshot(resume: Resume) -> bool:
    asks = resume.query or resume.header or resume.by_template or resume.catchup
    return not asks


def default_cache() -> Path:
    """Return the path of the embedded token cache."""
    import platformdirs

    return platformdirs.user_cache_path("notifyws") / "tokens.db"
