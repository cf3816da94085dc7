"""A service that Apprise knows, for every notification: ``--apprise`` (extra).

Apprise's URLs are made of secrets, and which of their parts are some depends on the
service: so none of a URL but its scheme is ever shown, and whatever Apprise says is
masked. Title and message are plain text for it, so that no markup of a stranger's is
interpreted, and redirects are not followed: a header of the URL would go along. Apprise
blocks: each call has a thread, of which a sink has as many as it may hand on at a time,
and is given up when its time is over. It reads what is answered whole, by ``requests``,
which nobody else uses here: that is made to read no more than anybody needs.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from notifyws.config.extras import needs_extra
from notifyws.delivery.sinks.blocking_calls import BlockingCalls
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification, printable
from notifyws.protocol.masking import masked, spellings

if TYPE_CHECKING:
    from apprise import Apprise

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.+-]{0,31})://")
LONGEST = 300
"""Characters of a reason."""
MOST_READ = 64 << 10
"""Bytes of an answer that are read."""
PLAIN = ("localhost", "127.0.0.1", "::1")
"""Hosts that are no secret."""


def scheme_of(url: str) -> str:
    """Return how a URL of Apprise's begins; empty where it is none."""
    found = SCHEME.match(url)
    return found[1].lower() if found else ""


def names_of(urls: Sequence[str]) -> list[str]:
    """Return a name for each URL, none of which gives anything of it away."""
    names: list[str] = []
    for url in urls:
        name = f"apprise:{scheme_of(url)}"
        same = sum(each.partition("#")[0] == name for each in names)
        names.append(f"{name}#{same + 1}" if same else name)
    return names


def secrets_of(url: str) -> tuple[str, ...]:
    """Return every part of a URL that may be a secret, in all its spellings."""
    return spellings(url, *dict.fromkeys(_parts(url)))


def _parts(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # as with [brackets]: then all between marks is one
        yield from re.split(r"[/@:?&=\[\]]+", url.partition("://")[2])
        return
    where, query = [*re.split(r"[@:]", parts.netloc)], parse_qsl(parts.query)
    within = [*where, *parts.path.split("/"), parts.fragment, *(v for _, v in query)]
    for each in within:
        if each not in PLAIN:
            yield from (each, unquote(each))


def client_of(url: str, option: str = "--apprise") -> Apprise:
    """Return what sends to a service.

    Args:
        url: the service's, as Apprise writes it.

    Raises:
        ConfigurationError: the extra is not installed, or it is no such URL.
    """
    try:
        client, known = _client(url)
    except ImportError:
        raise needs_extra(option, "apprise") from None
    if not known:
        scheme = scheme_of(url) or "such"
        message = f"{option}: Apprise knows no {scheme}:// URL of this form"
        hint = "see Apprise's list of services, as in json://host/path"
        raise ConfigurationError(message, hint)
    return client


def _client(url: str) -> tuple[Apprise, bool]:
    """Return what sends to a service, and whether it knows how."""
    with warnings.catch_warnings(action="ignore"):  # of modules that it tries to load
        from apprise import Apprise, AppriseAsset

        bound_answers()
        asset = AppriseAsset(
            app_id="notifyws",
            app_desc="notifyws",
            async_mode=False,
            http_redirects=False,
            service_timeout=0,  # with one, all services would share their threads
        )
        client = Apprise(asset=asset)
        return client, client.add(url)


@cache
def bound_answers() -> None:
    """Have ``requests`` read the beginning of an answer only: it may have no end."""
    from requests import Response
    from requests.adapters import HTTPAdapter

    build = HTTPAdapter.build_response

    def bounded(self: HTTPAdapter, *answered: Any) -> Response:
        response = build(self, *answered)
        response.raw = _Beginning(response.raw)
        return response

    HTTPAdapter.build_response = bounded  # type: ignore[method-assign, assignment] # Apprise takes no session of ours


class _Beginning:
    """What ``requests`` reads of an answer, as long as it is not too long."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def stream(self, *how: Any, **more: Any) -> Iterator[bytes]:
        read = 0
        for piece in self._whole.stream(*how, **more):
            yield piece
            if (read := read + len(piece)) >= MOST_READ:
                self._whole.close()
                return


class AppriseSink:
    """Sends each notification to one service.

    Args:
        url: the service's, as Apprise writes it.
        timeout: seconds it may take.

    Raises:
        ConfigurationError: the extra is not installed, or it is no such URL.
    """

    def __init__(self, name: str, url: str, timeout: float, concurrency: int) -> None:
        self.name = name
        self._client = client_of(url)
        self._secrets = secrets_of(url)
        self._timeout = timeout
        self._calls = BlockingCalls(name, concurrency)

    async def deliver(self, notification: Notification) -> None:
        """Return when Apprise says that the service took it."""
        try:
            async with asyncio.timeout(self._timeout):
                why = await self._calls.call(partial(self._send, notification))
        except TimeoutError:
            took = f"the service took longer than {self._timeout:g} s"
            raise DeliveryFailed(took) from None
        except Exception as error:  # noqa: BLE001 - each service raises its own kinds
            raise self._failed(f"it failed: {error!r}") from None
        if why is not None:
            raise self._failed(why)

    async def aclose(self) -> None:
        """Nothing to let go of: what hangs ends with its call, or the process."""

    def _send(self, notification: Notification) -> str | None:
        """Send it, in a thread; return why it was not taken, if it was not."""
        from apprise import NotifyFormat

        title = notification.title or notification.type
        sent: Any = self._client.notify(
            body=notification.words or title, title=title, body_format=NotifyFormat.TEXT
        )
        if sent:
            return None
        return " ".join(each.message for each in sent.logs()) or "Apprise says no more"

    def _failed(self, why: str) -> DeliveryFailed:
        said = masked(printable(why), self._secrets)[:LONGEST].strip()
        return DeliveryFailed(f"the service was not reached or refused it: {said}")
