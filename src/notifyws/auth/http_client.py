"""One HTTP exchange over httpx: bounded, and fit for showing.

It has one time limit over everything, takes at most 64 KiB, follows no redirect (it
would carry a password to another place), and never shows what it sent, not even when
the answer repeats it. httpx's exceptions become ours here, and it is imported here
first. This module knows neither profiles nor tokens.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from notifyws.auth.network_errors import (
    CHECK_SCHEME,
    demand_welcome,
    plainly,
    tls_failed,
    unreachable,
    unusable_proxy,
)
from notifyws.errors import (
    CertificateRejected,
    NetworkFailed,
    NotHttp,
    NotifyError,
    ReplyLost,
)
from notifyws.models import Masked
from notifyws.protocol.frames import decode
from notifyws.protocol.masking import masked, spellings
from notifyws.protocol.token_replies import Answer

if TYPE_CHECKING:
    import httpx

LARGEST = 64 * 1024
"""Bytes of a reply beyond which it cannot be what was asked for."""
ILLEGAL = "illegal"
"""How the library begins to say that an answer is no HTTP, rather than cut."""
PAGE = rb"\s*<(!doctype html|html|head|body)\b"
"""How a page for people begins: a proxy's, or that of a network which wants a login
before it lets anybody through."""
SHOWN = 1000
"""Bytes of a text that may say why."""


class Request(Masked, frozen=True):
    """What is asked; the body is text, empty for none."""

    masked: ClassVar = ("headers", "body")

    method: str
    url: str
    headers: Mapping[str, str]
    body: str = ""

    @property
    def credentials(self) -> tuple[str, ...]:
        """What stands behind ``Basic`` or ``Bearer``, for no one to see."""
        values = {name.lower(): value for name, value in self.headers.items()}
        return spellings(values.get("authorization", "").rpartition(" ")[2])


Exchanged = Callable[[Request, Answer, Iterable[str], tuple[str, ...]], None]
"""Told of an exchange: with the names of what was captured, and what is hidden."""


def http_client(
    origin: str, tls: ssl.SSLContext | None, timeout: float
) -> httpx.AsyncClient:
    """Return a client for one origin; it follows no redirect.

    Raises:
        ConfigurationError: the proxy that the environment names cannot be used.
    """
    import_httpx()
    import httpx

    from notifyws.auth.proxies import proxy_url

    try:
        return httpx.AsyncClient(
            base_url=origin,
            verify=tls or origin.startswith("https"),
            timeout=timeout,
            follow_redirects=False,
            event_hooks={"response": [_without_odd_location]},
            proxy=proxy_url(origin),
            trust_env=False,
        )
    except ImportError:
        raise unusable_proxy("for SOCKS, httpx[socks] must be installed") from None
    except (ValueError, httpx.InvalidURL):  # nor does it show what may be a password
        raise unusable_proxy("HTTP does not go through it") from None


async def _without_odd_location(response: httpx.Response) -> None:
    """Let an answer stand whose ``Location`` httpx cannot read: it leads nowhere."""
    import httpx

    try:
        httpx.URL(response.headers.get("location", ""))
    except httpx.InvalidURL:
        del response.headers["location"]


async def exchange(
    client: httpx.AsyncClient,
    request: Request,
    end: float,
    hidden: tuple[str, ...] = (),
    largest: int = LARGEST,
) -> Answer:
    """Return what a request is answered.

    Args:
        client: of the origin; closed afterwards.
        end: when all of it must be over, by the event loop's clock.
        hidden: what no error may show.
        largest: bytes that a reply may have.

    Raises:
        ReplyLost: it may have reached the server.
        NetworkFailed: it did not.
    """
    import httpx

    sent: list[str] = []

    async def watch(event: str, info: Mapping[str, Any]) -> None:
        to_proxy = "request" in info and info["request"].method == b"CONNECT"
        if event.endswith("send_request_headers.started") and not to_proxy:
            sent.append(event)

    try:
        async with (
            asyncio.timeout_at(end),
            client,
            client.stream(
                request.method,
                request.url,
                content=request.body.encode("utf-8", "replace") or None,
                headers=request.headers,
                extensions={"trace": watch},
            ) as response,
        ):
            whole = await _bounded(response, largest)
            demand_welcome(response.status_code, whole, urlsplit(request.url).netloc)
            body, text = _read(whole)
            is_page = re.match(PAGE, whole, re.IGNORECASE) is not None
            headers = {name.lower(): text for name, text in response.headers.items()}
            jar = response.cookies.jar  # of several with one name, the last
            cookies = {cookie.name: cookie.value or "" for cookie in jar}
            status = response.status_code
            return Answer(body, headers, cookies, status, text, is_page)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        problem = _translated(error, request.url, client, hidden)
        final = isinstance(problem, CertificateRejected | NotHttp)  # TLS 1.3: said late
        if not sent or final:
            raise problem from None
        raise ReplyLost(problem.message, problem.hint) from None


def _translated(
    error: Exception, url: str, client: httpx.AsyncClient, hidden: tuple[str, ...]
) -> NotifyError:
    import httpx

    from notifyws.auth.proxies import around, proxy_name

    cause, proxy = _cause(error), proxy_name(url)
    host = urlsplit(url).netloc  # as configured: httpx has its own spelling
    failed = tls_failed(cause, host) if isinstance(cause, ssl.SSLError) else None
    if failed is not None and (isinstance(failed, CertificateRejected) or not proxy):
        return failed
    hint = around(proxy, urlsplit(url).hostname) if proxy else "notifyws status --check"
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        message = f"{host} did not answer within {client.timeout.read:g} s"
    elif isinstance(error, httpx.ProxyError) and re.match(r"\d{3}", str(error)):
        message = f"the proxy answered {str(error)[:3]} instead of connecting to {host}"
    elif isinstance(cause, OSError | UnicodeError) and failed is None:
        dialled = isinstance(error, httpx.ConnectError) and proxy
        message = unreachable(cause, f"the proxy {proxy}" if dialled else host).message
    else:
        why = masked(plainly(cause), hidden)
        message = f"cannot talk HTTP with {host}: {why}"
        if isinstance(error, httpx.RemoteProtocolError) and why.startswith(ILLEGAL):
            return NotHttp(message, hint if proxy else CHECK_SCHEME)
    return NetworkFailed(message, hint)


def _cause(error: BaseException) -> BaseException:
    """Return the system's own error below the library's layers: the innermost."""
    cause = error
    seen: BaseException | None = error
    while seen is not None:
        cause = seen if isinstance(seen, OSError) else cause
        if isinstance(seen, BaseExceptionGroup):  # one for each address tried
            seen = seen.exceptions[0]
        else:
            seen = seen.__cause__ or seen.__context__
    return cause


async def _bounded(response: Any, largest: int) -> bytes:
    """Return the body; raise where it is larger than any answer should be."""
    received = bytearray()
    async for chunk in response.aiter_raw():
        received += chunk
        if len(received) > largest:
            raise OSError(f"the answer is larger than {largest >> 10} KiB")
    return bytes(received)


def _read(body: bytes) -> tuple[Any, str]:
    """Return a body's strict JSON, or else how its text begins if that is no markup."""
    try:
        return decode(body.decode("utf-8-sig")), ""
    except ValueError:
        text = body[:SHOWN].decode("utf-8", "replace").strip()
        return None, "" if text.startswith("<") else text


def import_httpx() -> None:
    """Import httpx, and of ``click`` nothing.

    httpx imports a command line of its own where it finds ``click``, and with it Rich
    and Pygments: 50 ms. An extra may bring ``click`` along.
    """
    if "httpx" in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    hidden = modules.setdefault("click", None) is None  # None: it cannot be imported
    try:
        import httpx  # noqa: F401
    finally:
        if hidden:
            del modules["click"]
