"""httpx: the HTTP side of a server, as the profile's steps say.

An exchange has one time limit over everything, takes at most 64 KiB, follows no
redirect (it would carry a password to another place), and never shows what it sent,
not even when the answer's headers repeat it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from notifyws.errors import (
    AuthenticationFailed,
    ConfigurationError,
    HttpRefused,
    NetworkFailed,
    NotifyError,
)
from notifyws.models import TokenPair
from notifyws.protocol.masking import masked, redirected, spellings
from notifyws.protocol.profile import Profile, Step
from notifyws.protocol.replies import Lifetimes, NoToken, read_tokens
from notifyws.protocol.template import fill
from notifyws.version import __version__

if TYPE_CHECKING:
    import httpx

__all__ = ["HttpSide", "Reply", "http_client"]

LARGEST = 64 * 1024
"""Bytes of a reply beyond which it cannot be what was asked for."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer.

    Args:
        status: the status code.
        headers: lower-case names; what we sent in secret is masked.
        body: the decoded JSON; ``None`` when it is empty or not JSON.
    """

    status: int
    headers: Mapping[str, str]
    body: Any


class HttpSide:
    """Logs in, refreshes and logs out at one origin.

    Args:
        origin: scheme, host and port; requests go nowhere else.
        profile: what to send and what to find in the answer.
        lifetimes: for what the server does not say.
        timeout: seconds for one exchange, all included.
        tls: whom to trust on ``https://``; ``None`` when it is plain.
    """

    def __init__(
        self,
        origin: str,
        profile: Profile,
        lifetimes: Lifetimes,
        *,
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._origin = origin
        self._profile = profile
        self._lifetimes = lifetimes
        self._timeout = timeout
        self._tls = tls

    async def login(self, username: str, password: str) -> TokenPair:
        """Return the tokens of a new session.

        Raises:
            AuthenticationFailed: wrong username or password.
            NetworkFailed: no answer, or none that makes sense.
        """
        step = self._profile.http.login
        if step is None:
            message = f"profile {self._profile.name} knows no login"
            raise ConfigurationError(message, "set NOTIFYWS_TOKEN")
        variables = {"username": username, "password": password}
        reply = await self._exchange(step, variables)
        if reply.status in self._profile.http.refused:
            message = f"{self._origin} refused the username or password of {username}"
            hint = "correct the username or password, then: notifyws auth login"
            raise AuthenticationFailed(message, hint)
        return self._tokens(step, reply)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Return new tokens for a refresh token; it may be spent afterwards.

        Raises:
            AuthenticationFailed: the refresh token is no good.
            NetworkFailed: no answer, or none that makes sense.
        """
        step = self._profile.http.refresh
        if step is None:
            raise AuthenticationFailed("the server knows no refreshing")
        reply = await self._exchange(step, {"refresh_token": refresh_token})
        if reply.status in self._profile.http.refused:
            message = f"{self._origin} refused the refresh token"
            raise AuthenticationFailed(message, "notifyws auth login")
        return self._tokens(step, reply)

    async def logout(self, refresh_token: str) -> None:
        """End the session at the server, where the profile knows how.

        Raises:
            NetworkFailed: no answer, or not a good one.
        """
        step = self._profile.http.logout
        if step is not None:
            reply = await self._exchange(step, {"refresh_token": refresh_token})
            if reply.status not in self._profile.http.refused:
                self._accepted(step, reply)

    def _tokens(self, step: Step, reply: Reply) -> TokenPair:
        self._accepted(step, reply)
        where = self._profile.tokens
        try:
            if where is None:
                raise NoToken("the profile does not say where tokens are")
            return read_tokens(where, reply.body, self._lifetimes, time.time())
        except NoToken as error:
            message = f"{self._origin}{step.path} answered, but {error}"
            hint = "is it this kind of server? try another --profile"
            raise NetworkFailed(message, hint) from None

    def _accepted(self, step: Step, reply: Reply) -> None:
        if reply.status in step.accept:
            return
        towards = redirected(reply.headers.get("location"))
        raise HttpRefused(
            f"{self._origin}{step.path} answered {reply.status}{towards}",
            _what_to_try(reply),
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
        )

    async def _exchange(self, step: Step, variables: Mapping[str, Any]) -> Reply:
        import httpx

        secrets = _secrets(variables)
        try:
            async with (
                asyncio.timeout(self._timeout),
                http_client(self._origin, self._tls, self._timeout) as client,
                client.stream(
                    step.method,
                    step.path,
                    json=fill(step.body, variables) if step.body else None,
                    headers=_headers(step, variables),
                ) as response,
            ):
                body = await _bounded(response)
                headers = {
                    key.lower(): masked(value, secrets)
                    for key, value in response.headers.items()
                }
                return Reply(response.status_code, headers, body)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._translated(error, secrets) from None

    def _translated(self, error: Exception, secrets: tuple[str, ...]) -> NotifyError:
        import httpx

        from notifyws.channel import certificate_rejected, unreachable

        cause = _cause(error)
        host = self._origin.partition("://")[2]
        if isinstance(error, (TimeoutError, httpx.TimeoutException)):
            message = f"{host} did not answer within {self._timeout:g} s"
            return NetworkFailed(message, "notifyws status --check")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return certificate_rejected(cause, host)
        if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError):
            return unreachable(cause, host)
        why = masked(str(cause), secrets) or type(cause).__name__
        message = f"cannot talk HTTP with {host}: {why}"
        return NetworkFailed(message, "notifyws status --check")


def http_client(
    origin: str, tls: ssl.SSLContext | None, timeout: float
) -> httpx.AsyncClient:
    """Return a client for one origin; it follows no redirect.

    Raises:
        ConfigurationError: the proxy that the environment names cannot be used.
    """
    import httpx

    from notifyws.channel import unusable_proxy

    try:
        return httpx.AsyncClient(
            base_url=origin,
            verify=tls or origin.startswith("https"),
            timeout=timeout,
            follow_redirects=False,
        )
    except ImportError:
        raise unusable_proxy("for SOCKS, httpx[socks] must be installed") from None
    except ValueError:
        raise unusable_proxy("it is no http:// or https:// URL") from None
    except httpx.InvalidURL as error:
        raise unusable_proxy(str(error)) from None


def _secrets(variables: Mapping[str, Any]) -> tuple[str, ...]:
    return spellings(*(value for key, value in variables.items() if key != "username"))


def _what_to_try(reply: Reply) -> str:
    from notifyws.channel import retry_after

    if reply.status != 429 and reply.status < 500:
        return "check the server's URL and --profile"
    seconds = retry_after(reply.headers.get("retry-after"))
    return "try again later" + (f", in {seconds:.0f} s" if seconds else "")


def _headers(step: Step, variables: Mapping[str, Any]) -> dict[str, str]:
    always = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"notifyws/{__version__}",
    }
    return {**always, **fill(step.headers, variables)}


async def _bounded(response: Any) -> Any:
    """Return the decoded body; ``None`` when it is not JSON.

    Raises:
        OSError: it is larger than any answer should be.
    """
    received = bytearray()
    async for chunk in response.aiter_raw():
        received += chunk
        if len(received) > LARGEST:
            raise OSError("the answer is larger than 64 KiB")
    try:
        return json.loads(received)
    except (ValueError, RecursionError):
        return None


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
