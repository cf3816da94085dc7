"""An HTTP target for every notification: ``--forward-to``.

A POST of the JSON. ``Idempotency-Key`` is the notification's id, or a digest of it,
so that a target can tell a second delivery. With a secret, ``Notifyws-Signature``
holds ``t=<unix time>,v1=<hex>``: an HMAC-SHA256 over ``<unix time>.<body>``, the form
that Stripe's webhooks made common. Redirects are not followed; what the target says
is never believed but for its status and its ``Retry-After``. What else it answers is
read, within bounds, so that the next one takes the same connection.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from notifyws.auth.http_client import import_httpx
from notifyws.auth.network_errors import plainly, retry_after
from notifyws.config.settings import Settings
from notifyws.config.urls import shown_url
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification, as_text
from notifyws.protocol.failures import is_retried
from notifyws.protocol.masking import masked

if TYPE_CHECKING:
    import httpx

SIGNATURE = "Notifyws-Signature"
LEFT_TO_US = ("content-length", "transfer-encoding", "upgrade")
"""Headers that say where a request ends: with another word than ours it is two."""
BODY_LIMIT = 64 << 10
"""Bytes of an answer that are read; after more, its connection is closed."""
BODY_TIME = 0.5
"""Seconds that they may take; the answer counts already."""


def checked_target(url: str, option: str = "--forward-to") -> str:
    """Return the URL of a target.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        parts = urlsplit(url)
        web = parts.scheme in ("http", "https")
        usable = web and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        message = f"{option} takes an http:// or https:// URL with a host"
        raise ConfigurationError(message, f"as in {option} https://host/path")
    return url


def checked_headers(
    headers: Mapping[str, str], option: str = "-H"
) -> Mapping[str, str]:
    """Return headers of the user's.

    Raises:
        ConfigurationError: one of them is not the user's to set.
    """
    for name in headers:
        if name.lower() in LEFT_TO_US:
            message = (
                f"{option} cannot set {name}: it says how the request itself is sent"
            )
            raise ConfigurationError(message, "leave it out")
    return headers


def idempotency_key(notification: Notification, body: bytes) -> str:
    """Return what tells one notification from all others, in printable ASCII."""
    ident = as_text(notification.id)
    plain = ident.isascii() and ident.isprintable() and 0 < len(ident) <= 255
    fits = plain and ident == ident.strip()
    return ident if fits else hashlib.sha256(body).hexdigest()


def signature(secret: str, body: bytes, now: int) -> str:
    """Return the signature header's value.

    Args:
        secret: shared with the target.
        body: exactly as it is sent.
        now: unix seconds; a target refuses what is too old.
    """
    signed = f"{now}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


class ForwardSink:
    """Posts each notification to a URL.

    Args:
        deliver: names the target, headers, and a secret to sign with.
        settings: how long a POST may take, and whom to trust.
        wall: unix seconds.

    Raises:
        ConfigurationError: it names no target, or a header that is left to us.
    """

    name = "forward"

    def __init__(
        self, deliver: DeliveryTargets, settings: Settings, wall: Callable[[], float]
    ) -> None:
        self._url = checked_target(deliver.url)
        self._shown = shown_url(self._url)
        self._headers = checked_headers(deliver.headers)
        self._secret = deliver.secret
        self._timeout, self._ca_file = settings.http_timeout, settings.ca_file
        self._client: httpx.AsyncClient | None = None
        self._wall = wall

    async def deliver(self, notification: Notification) -> None:
        """Return when the target answered with success."""
        import_httpx()
        import httpx

        body = notification.line().encode()
        try:
            async with asyncio.timeout(self._timeout):
                status, again = await self._post(notification, body)
        except TimeoutError:
            waited = f"{self._timeout:g} s"
            raise DeliveryFailed(f"{self._shown} took longer than {waited}") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            ours = (self._url, self._secret, *self._headers.values())
            secrets = filter(None, ours)
            why = masked(plainly(error), tuple(secrets))
            raise DeliveryFailed(f"{self._shown} cannot be reached: {why}") from None
        if not 200 <= status < 300:
            final = not is_retried(status)
            message = f"{self._shown} answered {status}"
            raise DeliveryFailed(message, final=final, after=again)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _post(
        self, notification: Notification, body: bytes
    ) -> tuple[int, float | None]:
        """Post it; one that was left open and has died meanwhile is no failure."""
        import httpx

        gone = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
        headers = self._all_headers(notification, body)
        while True:
            dialled: list[str] = []

            async def watch(
                event: str, info: object, seen: list[str] = dialled
            ) -> None:
                seen += [event] if event.startswith("connection.connect") else []

            try:
                return await self._exchange(headers, body, {"trace": watch})
            except gone:
                if dialled:
                    raise

    async def _exchange(
        self, headers: Mapping[str, str], body: bytes, extensions: dict[str, Any]
    ) -> tuple[int, float | None]:
        client = self._client = self._client or self._new_client()
        async with client.stream(
            "POST", self._url, content=body, headers=headers, extensions=extensions
        ) as response:
            await _read_over(response)
            client.cookies.clear()  # a target could make every request longer
            again = retry_after(response.headers.get("retry-after"))
            return response.status_code, again

    def _new_client(self) -> httpx.AsyncClient:
        from notifyws.auth.http_client import http_client
        from notifyws.config.tls import trust

        tls = trust(self._ca_file) if self._url.lower().startswith("https:") else None
        return http_client(self._url, tls, self._timeout)

    def _all_headers(self, notification: Notification, body: bytes) -> dict[str, str]:
        """Return ours and the user's; a name is one however it is written."""
        ours = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "notifyws",
            "Idempotency-Key": idempotency_key(notification, body),
        }
        signed = {}
        if self._secret:
            now = int(self._wall())
            signed[SIGNATURE] = signature(self._secret, body, now)
        named = [ours, self._headers, signed]
        by_name = {n.lower(): (n, text) for each in named for n, text in each.items()}
        return dict(by_name.values())


async def _read_over(response: httpx.Response) -> None:
    """Read what a target says beside its status, as far as that is no trouble."""
    import httpx

    size = 0
    with suppress(httpx.HTTPError, OSError, TimeoutError):
        async with asyncio.timeout(BODY_TIME):
            async for block in response.aiter_raw():
                size += len(block)
                if size > BODY_LIMIT:
                    return
