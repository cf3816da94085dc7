"""One server, or the primary that sentinels name, over a pool of connections.

A command is sent once: what redis-py would repeat by itself is switched off here. After
a doubt the connections that wait in the pool are dropped with the next command, so that
the name, or the sentinels, are asked anew.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

from redis import exceptions
from redis.asyncio import ConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import Connection, UnixDomainSocketConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from notifyws.auth.cache import CALL_TIMEOUT, bytes_of, call_limit
from notifyws.auth.cache.redis_errors import NoPrimary
from notifyws.auth.cache.redis_urls import RedisUrl
from notifyws.config.tls import (
    NOT_DEMANDED,
    KeyPair,
    PairNames,
    checked_file,
    load_pair,
    trust,
)
from notifyws.errors import ConfigurationError
from notifyws.tasks import cancel

Word = str | bytes | int
SENTINELS = 0.7 * CALL_TIMEOUT
"""Seconds that sentinels have to answer; the rest is for their primary."""


class Servers(Protocol):
    """Whoever answers commands."""

    async def ask(self, *words: Word) -> Any:
        """Send one command, once, and return its answer."""

    def doubt(self) -> None:
        """Ask for the way anew before the next command."""

    async def aclose(self) -> None:
        """Let go of the connections."""


def connection_options(url: RedisUrl) -> dict[str, Any]:
    """Return what a connection of redis-py is made with, but for its address.

    Raises:
        ConfigurationError: an option is wrong, or a file cannot be used.
    """
    said = {n: v for n, v in url.options.items() if not n.startswith("sentinel_")}
    try:
        options: dict[str, Any] = dict(parse_url(f"redis://h?{urlencode(said)}"))
        del options["host"]
        if url.tls:
            options = checked_tls(options)
        options |= {
            # RESP2 needs no HELLO: one round trip less. Redis-py asks for RESP3 where
            # nothing is said, and gives the answers of RESP2 then.
            "protocol": None if options.get("protocol") == 3 else 2,
            "driver_info": None,  # nor CLIENT SETINFO
            "socket_timeout": None,  # the limit is ours
            "socket_connect_timeout": None,
        }
        if url.tls:
            tried: Any = SSLConnection(**options)
            if any(name.startswith("ssl_") for name in said):
                tried.ssl_context.get()
    except (ValueError, TypeError, OSError, exceptions.RedisError):
        hint = "leave out what stands after the ?, but for db, username and ssl_..."
        raise ConfigurationError("the Redis URL has a wrong option", hint) from None
    return options


def encoded(words: Sequence[Word]) -> list[Any]:
    """Return a command as redis-py takes it: its name, and bytes."""
    name, *rest = (w if isinstance(w, bytes) else str(w) for w in words)
    return [name, *(w if isinstance(w, bytes) else bytes_of(w) for w in rest)]


def parsed_commands() -> frozenset[str]:
    """Return the commands of whose answers redis-py makes something, in RESP2."""
    return frozenset(map(str, Redis(protocol=2).response_callbacks))


def once() -> Retry:
    """Return what keeps redis-py from repeating a command."""
    return Retry(NoBackoff(), 0)


def no_notices() -> MaintNotificationsConfig:
    """Return what keeps redis-py from asking for notices of maintenance."""
    return MaintNotificationsConfig(enabled=False)


class Server(Servers):
    """What a pool of connections leads to."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._redis: Any = Redis.from_pool(pool)
        self._doubted = False

    async def ask(self, *words: Word) -> Any:
        """Send one command, once, and return its answer."""
        if self._doubted:
            self._doubted = False
            await self._pool.disconnect(inuse_connections=False)
        return await self._redis.execute_command(*encoded(words))

    def doubt(self) -> None:
        """Drop the waiting connections before the next command."""
        self._doubted = True

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()


def one_server(url: RedisUrl, options: Mapping[str, Any]) -> Server:
    """Return the server of a ``redis://``, ``rediss://`` or ``unix://`` URL."""
    kind: Any = SSLConnection if url.tls else Connection
    where: dict[str, Any] = {"path": url.path}
    if url.hosts:
        where = dict(zip(("host", "port"), url.hosts[0], strict=True))
    else:
        kind = UnixDomainSocketConnection
    pool = ConnectionPool(
        connection_class=kind,
        maint_notifications_config=no_notices(),
        retry=once(),
        db=url.db,
        **where,
        **options,
    )
    return Server(pool)


class SentinelServer(Server):
    """The primary of a service, as its sentinels name it."""

    def __init__(self, url: RedisUrl, options: Mapping[str, Any]) -> None:
        login = {
            name: url.options.get(f"sentinel_{name}")
            for name in ("username", "password")
        }
        shared: dict[str, Any] = {
            "ssl": url.tls,
            "retry": once(),
            "maint_notifications_config": no_notices(),
        }
        self._sentinels: Any = _Sentinels(  # type: ignore[no-untyped-call]
            url.hosts, sentinel_kwargs={**options, **login, **shared, "protocol": 2}
        )
        redis = self._sentinels.master_for(url.service, db=url.db, **options, **shared)
        super().__init__(redis.connection_pool)

    async def aclose(self) -> None:
        """Let go of the connections, those to the sentinels too."""
        await super().aclose()
        await self._sentinels.aclose()


class _Sentinels(Sentinel):
    """Asks all sentinels at the same time: one that hangs holds nobody up."""

    def _primary_in(self, state: Any, service_name: str) -> tuple[str, int] | None:
        """Return host and port of the primary that a sentinel tells of, if it is up.

        Raises:
            ValueError: there can be no such address.
        """
        if not state or not self.check_master_state(state, service_name):
            return None
        host, port = str(state["ip"]), int(state["port"])
        if not (0 < len(host) < 256 and host.isprintable() and 0 < port < 65536):
            raise ValueError("it is no address")
        return host, port

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return host and port of the primary that the first one names.

        Raises:
            NoPrimary: none does.
        """
        asked: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(each.sentinel_masters()) for each in self.sentinels
        ]
        failures: list[Exception] = []
        known = answered = False
        try:
            async with call_limit(SENTINELS):
                for each in asyncio.as_completed(asked):
                    try:
                        state = (await each).get(service_name)
                        primary = self._primary_in(state, service_name)
                    except Exception as error:  # noqa: BLE001 - rubbish, in any form
                        failures.append(error)
                        continue
                    answered, known = True, known or bool(state)
                    if primary:
                        return primary
        except TimeoutError:
            pass
        finally:
            await cancel(*asked)
        raise NoPrimary(failures, known=known, answered=answered)


AUTHORITIES = {"ssl_ca_certs", "ssl_ca_path", "ssl_ca_data"}
FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
NAMES = PairNames(
    "ssl_certfile of the Redis URL",
    "ssl_keyfile of the Redis URL",
    "ssl_password",
    "name a PEM file: ssl_certfile=CERTIFICATE&ssl_keyfile=KEY[&ssl_password=...]",
)


def checked_tls(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of TLS whose files can be used.

    Raises:
        ConfigurationError: one of them cannot.
    """
    for name in sorted(FILES & options.keys()):
        checked_file(options[name], f"{name} of the Redis URL")
    trust(options.get("ssl_ca_certs", ""), "ssl_ca_certs of the Redis URL")
    if {"ssl_certfile", "ssl_keyfile"} & options.keys():
        _demand_pair(options)
    named = [NOT_DEMANDED] if AUTHORITIES & options.keys() else []
    return {
        "ssl_password": "",  # without one, OpenSSL asks the terminal
        **options,
        "ssl_exclude_verify_flags": named,
    }


def _demand_pair(options: Mapping[str, Any]) -> None:
    """Demand a certificate of ours, and the key to it.

    Raises:
        ConfigurationError: one of them is missing, or cannot be used.
    """
    if "ssl_certfile" not in options:
        raise ConfigurationError(
            "the Redis URL names an ssl_keyfile and no certificate",
            "add ssl_certfile=/path/to/certificate.pem",
        )
    key = options.get("ssl_keyfile", "")
    pair = KeyPair(options["ssl_certfile"], key, options.get("ssl_password", ""))
    load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), pair, NAMES)
