"""One HTTP exchange over httpx: bounded, translated, and fit for showing.

An exchange has one time limit over everything, takes at most 64 KiB, follows no
redirect (it would carry a password to another place), and never shows what it sent,
not even when the answer repeats it. httpx's exceptions become ours here. This module
knows neither profiles nor tokens.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from msgspec import Struct

from notifyws.auth.http_request import Request
from notifyws.errors import NetworkFailed, NotifyError, ReplyLost
from notifyws.models import Masked, as_text
from notifyws.protocol.masking import masked
from notifyws.protocol.token_replies import Answer

if TYPE_CHECKING:
    import httpx

LARGEST = 64 * 1024
"""Bytes of a reply beyond which it cannot be what was asked for."""


class Reply(Masked, frozen=True):
    """A status, and what was answered with it: decoded body, headers, cookies."""

    masked: ClassVar = ("answer",)

    status: int
    answer: Answer

    @property
    def body(self) -> Any:
        """The decoded JSON; ``None`` when it is empty or not JSON."""
        return self.answer.body


class Exchange(Struct, frozen=True):
    """One exchange as people may see it: every secret in it is masked."""

    method: str
    url: str
    body: str
    status: int
    reply: str
    captured: tuple[str, ...]
    """Names of the variables that the next steps know from it."""

    @classmethod
    def of(
        cls,
        request: Request,
        reply: Reply,
        captured: Iterable[str],
        hidden: tuple[str, ...],
    ) -> Exchange:
        """Return an exchange without what is hidden, and what is called a secret."""
        body = _without_secrets(request.body, hidden)
        return cls(
            request.method,
            masked(request.url, hidden),
            re.sub(_SECRET_FORM, r"\1***", body),
            reply.status,
            _without_secrets(as_text(reply.body), hidden),
            tuple(captured),
        )


_ABOUT = r'(?![^"=&]*(?:type|expires_?(?:in|at)|lifetime|ttl)["=])'
"""What only tells of a token, as ``token_type`` does, is no secret."""
_SECRET_JSON = (
    rf'(?i)("{_ABOUT}[^"]*(?:password|secret|token)[^"]*":\s*)"(?:[^"\\]|\\.)*"'
)
_SECRET_FORM = rf"(?i)((?:^|&){_ABOUT}[^=&]*(?:password|secret|token)[^=&]*=)[^&]*"


def _without_secrets(body: str, hidden: tuple[str, ...]) -> str:
    """Return a body without what its keys call a secret, however short that is."""
    return re.sub(_SECRET_JSON, r'\1"***"', masked(body, hidden))


def http_client(
    origin: str, tls: ssl.SSLContext | None, timeout: float
) -> httpx.AsyncClient:
    """Return a client for one origin; it follows no redirect.

    Raises:
        ConfigurationError: the proxy that the environment names cannot be used.
    """
    import httpx

    from notifyws.auth.network_errors import unusable_proxy
    from notifyws.auth.proxies import proxy_url

    try:
        return httpx.AsyncClient(
            base_url=origin,
            verify=tls or origin.startswith("https"),
            timeout=timeout,
            follow_redirects=False,
            proxy=proxy_url(origin),
            trust_env=False,
        )
    except ImportError:
        raise unusable_proxy("for SOCKS, httpx[socks] must be installed") from None
    except ValueError:
        raise unusable_proxy("it is no http:// or https:// URL") from None
    except httpx.InvalidURL as error:
        raise unusable_proxy(str(error)) from None


async def exchange(
    client: httpx.AsyncClient,
    request: Request,
    end: float,
    hidden: tuple[str, ...] = (),
    largest: int = LARGEST,
) -> Reply:
    """Return what a request is answered.

    Args:
        client: of the origin; closed afterwards.
        request: asked once.
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
            body = await _bounded(response, largest)
            headers = {name.lower(): text for name, text in response.headers.items()}
            jar = response.cookies.jar  # of several with one name, the last
            cookies = {cookie.name: cookie.value or "" for cookie in jar}
            return Reply(response.status_code, Answer(body, headers, cookies))
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        problem = _translated(error, request.url, client, hidden)
        raise ReplyLost(problem.message, problem.hint) if sent else problem from None


def _translated(
    error: Exception, url: str, client: httpx.AsyncClient, hidden: tuple[str, ...]
) -> NotifyError:
    import httpx

    from notifyws.auth.network_errors import certificate_rejected, unreachable

    cause = _cause(error)
    host = urlsplit(url).netloc  # as configured: httpx has its own spelling
    if isinstance(cause, ssl.SSLCertVerificationError):
        return certificate_rejected(cause, host)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        message = f"{host} did not answer within {client.timeout.read:g} s"
    elif isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError):
        return unreachable(cause, host)
    else:
        why = masked(str(cause), hidden) or type(cause).__name__
        message = f"cannot talk HTTP with {host}: {why}"
    return NetworkFailed(message, "notifyws status --check")


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


async def _bounded(response: Any, largest: int) -> Any:
    """Return the decoded body; ``None`` when it is not JSON.

    Raises:
        OSError: it is larger than any answer should be.
    """
    received = bytearray()
    async for chunk in response.aiter_raw():
        received += chunk
        if len(received) > largest:
            raise OSError(f"the answer is larger than {largest >> 10} KiB")
    try:
        return json.loads(received)
    except (ValueError, RecursionError):
        return None
