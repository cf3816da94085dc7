"""Puts the real parts together: the only module that knows the adapters' names.

Each part is built when it is first asked for, so that a command pays only for what
it uses.
"""

from __future__ import annotations

import random
import re
import secrets
import ssl
import time
from collections.abc import Callable
from functools import cached_property, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from notifyws.errors import CacheFailed, ConfigurationError
from notifyws.models import Account, Message, strict_json
from notifyws.settings import Settings

if TYPE_CHECKING:
    from notifyws.api import HttpSide
    from notifyws.cache.fallback import FallbackCache
    from notifyws.delivery import Inbox
    from notifyws.link import Dial, Keepalive
    from notifyws.protocol.profile import Profile
    from notifyws.protocol.replies import Lifetimes
    from notifyws.protocol.resume import Cursor
    from notifyws.session import Item, Session, Speech
    from notifyws.tokens import Keeper, Obtained, ReadyMade
    from notifyws.world import World

__all__ = ["Runtime", "canonical_origin", "checked_url"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HTTP = {"ws": "http", "wss": "https"}


def checked_url(url: str, setting: str = "the server's URL") -> str:
    """Return ``url`` as it is.

    Raises:
        ConfigurationError: it is not a WebSocket URL; says what to write instead.
    """
    if re.search(r"[\x00-\x20\x7f]", url):
        raise ConfigurationError(f"{setting} holds a space or control character")
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme in ("http", "https"):
        rest = url.partition("://")[2]
        hint = f"use {'wss' if scheme == 'https' else 'ws'}://{rest}"
        raise ConfigurationError(f"{setting} must be ws:// or wss://: {url}", hint)
    if scheme not in _HTTP or not parts.hostname:
        hint = "write it as wss://host[:port][/path]"
        raise ConfigurationError(f"{setting} is not a WebSocket URL: {url}", hint)
    if parts.username is not None or parts.fragment or not _port_is_good(parts):
        hint = "no user, no fragment, and a port from 1 to 65535"
        host = f"{scheme}://{parts.hostname}"
        raise ConfigurationError(f"{setting} cannot be used: {host}", hint)
    return url


def _port_is_good(parts: Any) -> bool:
    try:
        return bool(parts.port != 0)
    except ValueError:
        return False


def canonical_origin(url: str) -> str:
    """Return the HTTP origin of a WebSocket URL: lower case, no default port."""
    parts = urlsplit(url)
    scheme = _HTTP[parts.scheme.lower()]
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    default = parts.port in (None, _DEFAULT_PORTS[scheme])
    return f"{scheme}://{host}" if default else f"{scheme}://{host}:{parts.port}"


class Runtime:
    """The real parts for some settings.

    Args:
        settings: what to build for.
        warn: is told, in one sentence, what works less well than it should.
    """

    def __init__(self, settings: Settings, warn: Callable[[str], None]) -> None:
        self.settings = settings
        self._warn = warn

    @cached_property
    def url(self) -> str:
        """The socket's URL.

        Raises:
            ConfigurationError: there is none, or none that can be used.
        """
        url = self.settings.connect_url
        if not url:
            hint = "set WEBSOCKET_SERVER_URL=wss://..., or try: notifyws listen --demo"
            raise ConfigurationError("no server is configured", hint)
        return checked_url(url)

    @cached_property
    def origin(self) -> str:
        """The HTTP side's origin: the server's, whatever the socket's URL is."""
        return canonical_origin(checked_url(self.settings.url or self.url))

    @cached_property
    def account(self) -> Account:
        """Whose tokens these are."""
        settings = self.settings
        name = settings.profile
        if _is_file(name):
            name = self.profile.name
        return Account(self.origin, name, settings.username or settings.token)

    @cached_property
    def profile(self) -> Profile:
        """How the server speaks.

        Raises:
            ConfigurationError: there is no such profile, or it is wrong.
        """
        from notifyws.protocol.profile import parse

        return parse(*_profile_text(self.settings.profile))

    @cached_property
    def world(self) -> World:
        """The real clock, sleep and dice."""
        import asyncio

        from notifyws.world import World

        return World(
            now=time.monotonic,
            wall=time.time,
            sleep=asyncio.sleep,
            dice=random.random,
            secret=lambda: secrets.token_hex(16),
            suspended=_suspended,
        )

    @cached_property
    def cache(self) -> FallbackCache:
        """The token cache, behind one that takes over when it fails."""
        from notifyws.cache.fallback import FallbackCache
        from notifyws.cache.opening import open_cache

        return FallbackCache(open_cache(self.cache_url), self._warn)

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
        context = ssl.create_default_context()
        if self.settings.ca_file:
            try:
                context.load_verify_locations(self.settings.ca_file)
            except OSError as error:
                reason = error.strerror or "not a PEM file of certificates"
                message = f"cannot use NOTIFYWS_CA_FILE {self.settings.ca_file}"
                raise ConfigurationError(f"{message}: {reason}") from None
        return context

    @cached_property
    def lifetimes(self) -> Lifetimes:
        """How long tokens live where the server does not say."""
        from notifyws.protocol.replies import Lifetimes

        s = self.settings
        return Lifetimes(s.access_ttl, s.refresh_ttl, s.access_margin, s.refresh_margin)

    @cached_property
    def http(self) -> HttpSide:
        """The server's HTTP side."""
        from notifyws.api import HttpSide

        timeout = self.settings.http_timeout
        return HttpSide(
            self.origin, self.profile, self.lifetimes, timeout=timeout, tls=self.tls
        )

    @cached_property
    def tokens(self) -> Keeper | ReadyMade:
        """Whoever gives tokens: one that keeps them, or the ready-made one."""
        from notifyws.protocol.replies import static_token
        from notifyws.tokens import ReadyMade

        if self.settings.token:
            return ReadyMade(
                static_token(self.settings.token, self.lifetimes, time.time())
            )
        return self.keeper

    @cached_property
    def keeper(self) -> Keeper:
        """Whoever keeps this account's tokens."""
        from notifyws.tokens import Keeper

        return Keeper(
            self.account,
            self.cache,
            self.http,
            self.world,
            username=self.settings.username,
            password=self.settings.password,
        )

    def warm_token(self) -> Obtained | None:
        """Return the cached token where it lies in a file, ``None`` otherwise.

        Reads synchronously: an event loop alone would double what it takes.
        """
        if self.settings.token:
            return None
        from notifyws.cache.opening import sqlite_path
        from notifyws.cache.sqlite_store import SqliteStore
        from notifyws.tokens import ACCESS, held

        if not self.cache_url.startswith("sqlite:"):
            return None
        store = SqliteStore(sqlite_path(self.cache_url))
        try:
            return held(store.read(self.account.id, *ACCESS)).access
        except CacheFailed:
            return None
        finally:
            store.close()

    @cached_property
    def speech(self) -> Speech:
        """How the server speaks on the socket."""
        from notifyws.protocol.opening import opening
        from notifyws.protocol.rules import Rules
        from notifyws.protocol.verdicts import Verdicts
        from notifyws.session import Speech

        profile, url = self.profile, self.url
        open_it = partial(opening, profile, url, token_in=self.settings.token_in)
        return Speech(
            url,
            lambda token, last_id: open_it(token, last_id=last_id),
            Rules(profile.rules),
            Verdicts(profile.closes, profile.statuses),
        )

    def cursor(self, since: str | int | None) -> Cursor:
        """Return where a listener starts; ``None`` for "from now"."""
        from notifyws.protocol.resume import Cursor

        return Cursor(since, can_resume=self.profile.resume is not None)

    def frame(self, message: Message) -> str:
        """Return a message as the frame that the profile makes of it.

        Raises:
            ConfigurationError: the profile does not send.
        """
        from notifyws.protocol.template import fill

        if self.profile.send is None:
            name = self.profile.name
            raise ConfigurationError(f"profile {name} does not say how to send")
        variables = {
            "type": message.type,
            "payload": dict(message.payload),
            "id": message.id,
        }
        return strict_json(fill(self.profile.send.frame, variables))

    def session(
        self, inbox: Inbox[Item], cursor: Cursor, *, retries: int | None, frames: bool
    ) -> Session:
        """Return a session that keeps one connection.

        Args:
            inbox: takes what arrives.
            cursor: where the listener starts.
            retries: reconnects in a row before giving up; ``None`` for never.
            frames: hand over frames that are no notifications, too.
        """
        from notifyws.reconnect import Policy, Reconnector
        from notifyws.session import Session

        s = self.settings
        policy = Policy(
            s.retry_delays, s.jitter, s.stable_after, retries, s.retry_after_max
        )
        return Session(
            Reconnector(policy, self.world.dice),
            self.tokens,
            self.dial,
            self.speech,
            inbox,
            cursor,
            self.world,
            keepalive=self.keepalive,
            frames=frames,
        )

    @cached_property
    def dial(self) -> Dial:
        """Opens sockets."""
        from notifyws.channel import Limits, dial

        s = self.settings
        limits = Limits(s.open_timeout, s.close_timeout, s.max_size, s.compression)
        return partial(dial, limits=limits, tls=self.tls)

    @property
    def keepalive(self) -> Keepalive:
        """How a dead line is noticed."""
        from notifyws.link import Keepalive

        return Keepalive(self.settings.ping_interval, self.settings.ping_timeout)

    async def aclose(self) -> None:
        """Let go of what was opened."""
        if "cache" in self.__dict__:
            await self.cache.aclose()


def default_cache() -> Path:
    """Return the path of the embedded token cache."""
    import platformdirs

    return platformdirs.user_cache_path("notifyws") / "tokens.db"


def _is_file(profile: str) -> bool:
    return profile.endswith(".toml") or "/" in profile


def _profile_text(profile: str) -> tuple[str, str]:
    """Return a profile's TOML and the name of where it is."""
    if _is_file(profile):
        return _file_text(Path(profile)), profile
    import platformdirs

    own = platformdirs.user_config_path("notifyws") / "profiles" / f"{profile}.toml"
    if own.is_file():
        return _file_text(own), str(own)
    built_in = resources.files("notifyws") / "profiles"
    names = sorted(f.name[:-5] for f in built_in.iterdir() if f.name.endswith(".toml"))
    if profile not in names:
        import difflib

        near = difflib.get_close_matches(profile, names, 1)
        known = f"known: {', '.join(names)}; or name a TOML file"
        hint = f"did you mean {near[0]}?" if near else known
        raise ConfigurationError(f"there is no profile {profile!r}", hint)
    return (built_in / f"{profile}.toml").read_text("utf-8"), profile


def _file_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        message = f"cannot read profile {path}: {reason}"
        raise ConfigurationError(message, "check the path") from None


def _suspended() -> float:
    """Return the seconds this machine has slept since it was started."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    if hasattr(time, "CLOCK_UPTIME_RAW"):  # macOS: the one that stands while it sleeps
        return time.monotonic() - time.clock_gettime(time.CLOCK_UPTIME_RAW)
    return 0.0
