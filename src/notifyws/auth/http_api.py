"""httpx: the HTTP side of a server, as the profile's steps say.

An exchange has one time limit over everything, takes at most 64 KiB, follows no
redirect (it would carry a password to another place), and never shows what it sent,
not even when the answer's headers repeat it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlencode

from msgspec import Struct

from notifyws.errors import (
    AuthenticationFailed,
    ConfigurationError,
    HttpRefused,
    NetworkFailed,
    NotifyError,
    ReplyLost,
    TokenRefused,
)
from notifyws.models import Masked, TokenPair, as_text, strict_json
from notifyws.protocol.expressions import compiled, truthy
from notifyws.protocol.failures import http_meaning, is_retried
from notifyws.protocol.masking import masked, redirected, spellings
from notifyws.protocol.profile import Meaning, Profile, Step
from notifyws.protocol.templates import UNSET, fill
from notifyws.protocol.token_replies import (
    Answer,
    Lifetimes,
    NoToken,
    captured,
    read_tokens,
)
from notifyws.version import __version__

if TYPE_CHECKING:
    import httpx

__all__ = ["Exchange", "HttpApi", "Reply", "http_client"]

LARGEST = 64 * 1024
"""Bytes of a reply beyond which it cannot be what was asked for."""
PAGE = 4 << 20
"""The same for a page of notifications."""


class Reply(Masked, frozen=True):
    """An HTTP answer.

    Args:
        status: the status code.
        headers: lower-case names; what we sent in secret is masked.
        body: the decoded JSON; ``None`` when it is empty or not JSON.
        answer: the same for reading tokens from: headers as they are, and cookies.
    """

    masked: ClassVar = ("answer",)

    status: int
    headers: Mapping[str, str]
    body: Any
    answer: Answer = Answer()


class Exchange(Struct, frozen=True):
    """One exchange as people may see it: every secret in it is masked."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str
    status: int
    reply: str
    captured: Mapping[str, str]
    problem: str = ""
    """Why the answer was not the hoped-for one; empty when it was."""


class HttpApi:
    """Carries out the profile's HTTP steps at one origin.

    Args:
        origin: scheme, host and port; requests go nowhere else.
        profile: what to send and what to find in the answer.
        lifetimes: for what the server does not say.
        variables: the profile's constants, and what the user gave.
        timeout: seconds for all steps of a login together, or of anything else.
        tls: whom to trust on ``https://``; ``None`` when it is plain.

    Attributes:
        on_exchange: is told of every exchange, if set.
    """

    def __init__(
        self,
        origin: str,
        profile: Profile,
        lifetimes: Lifetimes,
        *,
        variables: Mapping[str, Any] = MappingProxyType({}),
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._origin = origin
        self._profile = profile
        self._lifetimes = lifetimes
        self._variables = variables
        self._timeout = timeout
        self._tls = tls
        self.on_exchange: Callable[[Exchange], None] | None = None

    async def prepare(self) -> None:
        """Do beforehand what takes long on a busy machine, and needs no server."""
        import httpx  # noqa: F401  0.1 s, and many times that among many processes

    async def login(self, username: str, password: str) -> TokenPair:
        """Return the tokens of a new session.

        Raises:
            AuthenticationFailed: wrong username or password.
            NetworkFailed: no answer, or none that makes sense.
        """
        steps = _listed(self._profile.http.login)
        if not steps:
            message = f"profile {self._profile.name} knows no login"
            raise ConfigurationError(message, "set NOTIFYWS_TOKEN")
        try:
            replies = await self._run(
                steps, {"username": username, "password": password}
            )
        except _Refusal as refusal:
            if refusal.means not in ("bad credentials", "log in again", "expired"):
                raise refusal.error from None
            said = f": {refusal.said}" if refusal.said else ""
            message = (
                f"{self._origin} refused the username or password of {username}{said}"
            )
            hint = "correct the username or password, then: notifyws auth login"
            raise AuthenticationFailed(message, hint) from None
        return self._tokens(steps, replies)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Return new tokens for a refresh token; it may be spent afterwards.

        Raises:
            AuthenticationFailed: the refresh token is no good.
            ReplyLost: no answer, or none that makes sense; it may be spent.
            NetworkFailed: it could not be shown to the server.
        """
        steps = _listed(self._profile.http.refresh)
        if not steps:
            raise AuthenticationFailed("the server knows no refreshing")
        try:
            replies = await self._run(steps, {"refresh_token": refresh_token})
        except _Refusal as refusal:
            if refusal.means not in ("bad credentials", "log in again", "expired"):
                raise refusal.error from None
            message = f"{self._origin} refused the refresh token"
            raise AuthenticationFailed(message, "notifyws auth login") from None
        return self._tokens(steps, replies)

    async def logout(self, refresh_token: str, access_token: str = "") -> None:
        """End the session at the server, where the profile knows how.

        Raises:
            NetworkFailed: no answer, or not a good one.
        """
        steps = _listed(self._profile.http.logout)
        known = {"refresh_token": refresh_token, "access_token": access_token or None}
        try:
            await self._run(steps, known)
        except _Refusal as refusal:
            if refusal.means not in ("bad credentials", "log in again", "expired"):
                raise refusal.error from None

    async def verify(self, access_token: str) -> None:
        """Return if the server takes this token for a good one.

        Raises:
            TokenRefused: it does not.
            NetworkFailed: no answer, or none that makes sense.
        """
        await self._with_token(
            _listed(self._profile.http.verify), {"access_token": access_token}
        )

    async def send(self, access_token: str, message: Mapping[str, Any]) -> None:
        """Send a message.

        Args:
            access_token: to send it with; may be empty.
            message: the variables of the profile's templates.

        Raises:
            TokenRefused: the token is no good.
            NetworkFailed: it was not taken, or nothing shows that it was.
            ConfigurationError: the profile does not send over HTTP.
        """
        send = self._profile.send
        if send is None or send.http is None:
            name = self._profile.name
            raise ConfigurationError(f"profile {name} does not send over HTTP")
        known = {**message, "access_token": access_token or None}
        await self._with_token(_listed(send.http), known)

    async def catch_up(self, access_token: str, known: Mapping[str, Any]) -> Any:
        """Return the body that holds what was missed.

        Args:
            access_token: to ask with.
            known: further variables: the last id, and the oldest one of a page.

        Raises:
            TokenRefused: the token is no good.
            NetworkFailed: no answer, or none that makes sense.
        """
        resume = self._profile.resume
        assert resume is not None
        assert resume.catchup is not None
        variables = {**known, "access_token": access_token or None}
        replies = await self._with_token((resume.catchup.step,), variables, PAGE)
        return replies[-1].body

    async def _with_token(
        self,
        steps: Sequence[Step],
        known: Mapping[str, Any],
        largest: int | None = None,
    ) -> list[Reply]:
        try:
            return await self._run(steps, known, "expired", largest)
        except _Refusal as refusal:
            if refusal.means not in ("bad credentials", "log in again", "expired"):
                raise refusal.error from None
            said = f": {refusal.said}" if refusal.said else ""
            message = f"{self._origin} does not accept the token{said}"
            raise TokenRefused(message, "notifyws token --refresh") from None

    def _tokens(self, steps: Sequence[Step], replies: Sequence[Reply]) -> TokenPair:
        where = self._profile.tokens
        try:
            if where is None:
                raise NoToken("the profile does not say where tokens are")
            answers = [reply.answer for reply in replies]
            now = _server_time(replies[-1]) or time.time()
            return read_tokens(where, answers, self._lifetimes, now)
        except NoToken as error:
            message = f"{self._origin}{steps[-1].path} answered, but {error}"
            hint = "is it this kind of server? try another --profile"
            raise ReplyLost(message, hint) from None

    async def _run(
        self,
        steps: Sequence[Step],
        known: Mapping[str, Any],
        refused: Meaning = "bad credentials",
        largest: int | None = None,
    ) -> list[Reply]:
        """Carry steps out in their order; what one captures, the next ones know."""
        moment = {"now": int(time.time()), "uuid": secrets.token_hex(16)}
        variables = {**self._variables, "origin": self._origin, **moment, **known}
        hidden = _secrets(variables)
        replies: list[Reply] = []
        await self.prepare()
        end = asyncio.get_running_loop().time() + self._timeout
        for step in steps:
            request = _request(self._origin, step, variables)
            hidden += request.credentials
            reply = await self._exchange(request, hidden, largest or LARGEST, end)
            found = captured(step.capture, reply.answer)
            hidden += self._given(reply, found)
            refusal = self._judged(step, reply, refused, hidden)
            self._tell(request, reply, found, hidden, refusal)
            if refusal is not None:
                raise refusal
            variables |= found
            replies.append(reply)
        return replies

    def _given(self, reply: Reply, found: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what an answer gave that others must not see."""
        where = self._profile.tokens
        places = {"access": where.access, "refresh": where.refresh} if where else {}
        sought = {name: place for name, place in places.items() if place}
        tokens = captured(sought, reply.answer).values()
        return spellings(*map(as_text, tokens), *map(as_text, found.values()))

    def _tell(
        self,
        request: _Request,
        reply: Reply,
        found: Mapping[str, Any],
        hidden: tuple[str, ...],
        refusal: _Refusal | None,
    ) -> None:
        if self.on_exchange is None:
            return
        self.on_exchange(
            Exchange(
                request.method,
                masked(request.url, hidden),
                _shown_headers(request.headers, hidden),
                _without_secrets(masked(request.shown, hidden)),
                reply.status,
                re.sub(_SECRET_JSON, r'\1"***"', masked(as_text(reply.body), hidden)),
                {name: masked(as_text(value), hidden) for name, value in found.items()},
                refusal.error.message if refusal else "",
            )
        )

    def _judged(
        self, step: Step, reply: Reply, refused: Meaning, hidden: tuple[str, ...]
    ) -> _Refusal | None:
        """Return what is wrong with an answer, ``None`` when it is as hoped for."""
        accepted = reply.status in step.accept
        fits = step.ok is None or truthy(compiled(step.ok)(reply.body))
        if accepted and fits:
            return None
        from notifyws.auth.network_errors import retry_after

        means, words = http_meaning(
            self._profile.http, reply.status, reply.body, refused
        )
        said = masked(words, hidden)  # a server may repeat what it was told
        what = f"{self._origin}{step.path} answered {reply.status}"
        towards = redirected(reply.headers.get("location"))
        unexpected = ", but not with what the profile expects" if accepted else ""
        error = HttpRefused(
            f"{what}{towards}{unexpected}{f': {said}' if said else ''}",
            _what_to_try(reply),
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
            retry_after=retry_after(reply.headers.get("retry-after")),
        )
        return _Refusal(means, said, error)

    async def _exchange(
        self, request: _Request, hidden: tuple[str, ...], largest: int, end: float
    ) -> Reply:
        import httpx

        sent: list[str] = []

        async def watch(event: str, info: Mapping[str, Any]) -> None:
            to_proxy = "request" in info and info["request"].method == b"CONNECT"
            if event.endswith("send_request_headers.started") and not to_proxy:
                sent.append(event)

        try:
            async with (
                asyncio.timeout_at(end),
                http_client(self._origin, self._tls, self._timeout) as client,
                client.stream(
                    request.method,
                    request.url,
                    content=request.content,
                    headers=request.headers,
                    extensions={"trace": watch},
                ) as response,
            ):
                body = await _bounded(response, largest)
                plain = {k.lower(): v for k, v in response.headers.items()}
                headers = {key: masked(value, hidden) for key, value in plain.items()}
                answer = Answer(body, plain, _cookies(response))
                return Reply(response.status_code, headers, body, answer)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            problem = self._translated(error, hidden)
            if sent:
                problem = ReplyLost(problem.message, problem.hint)
            raise problem from None

    def _translated(self, error: Exception, secrets: tuple[str, ...]) -> NotifyError:
        import httpx

        from notifyws.auth.network_errors import certificate_rejected, unreachable

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


def _secrets(known: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the variables whose names call them secret, in every spelling."""
    return spellings(
        *(as_text(known[name]) for name in known if re.search(_SECRET, name))
    )


def _cookies(response: httpx.Response) -> dict[str, str]:
    """Return an answer's cookies; of several with one name, the last."""
    return {cookie.name: cookie.value or "" for cookie in response.cookies.jar}


def _shown_headers(
    headers: Mapping[str, str], hidden: tuple[str, ...]
) -> dict[str, str]:
    return {
        name: "***" if name.lower() == "authorization" else masked(value, hidden)
        for name, value in headers.items()
    }


def _server_time(reply: Reply) -> float | None:
    """Return the server's clock, ``None`` if it does not tell: ours may be off."""
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return None


def _what_to_try(reply: Reply) -> str:
    from notifyws.auth.network_errors import retry_after

    if not is_retried(reply.status):
        return "check the server's URL and --profile"
    seconds = retry_after(reply.headers.get("retry-after"))
    return "try again later" + (f", in {seconds:.0f} s" if seconds else "")


class _Refusal(Exception):
    """An answer that is no success: what it means, and the error if it means none."""

    def __init__(self, means: Meaning | None, said: str, error: HttpRefused) -> None:
        super().__init__(error.message)
        self.means = means
        self.said = said
        self.error = error


class _Request(Masked, frozen=True):
    masked: ClassVar = ("headers", "content", "shown")
    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    shown: str

    @property
    def credentials(self) -> tuple[str, ...]:
        """What stands behind ``Basic`` or ``Bearer``, for no one to see."""
        values = {name.lower(): value for name, value in self.headers.items()}
        return spellings(values.get("authorization", "").rpartition(" ")[2])


_SECRET = r"password|secret|token|code|key"
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PATH_VARIABLE = r"(?<!\{)\{[^{}]+\}"
_SECRET_JSON = r'(?i)("[^"]*(?:password|secret|token)[^"]*":\s*)"(?:[^"\\]|\\.)*"'
_SECRET_FORM = r"(?i)((?:^|&)[^=&]*(?:password|secret|token)[^=&]*=)[^&]*"


def _without_secrets(body: str) -> str:
    """Return a body without what its keys call a secret, however short that is."""
    return re.sub(_SECRET_FORM, r"\1***", re.sub(_SECRET_JSON, r'\1"***"', body))


def _listed(steps: Step | tuple[Step, ...] | None) -> tuple[Step, ...]:
    if steps is None:
        return ()
    return steps if isinstance(steps, tuple) else (steps,)


def _request(origin: str, step: Step, variables: Mapping[str, Any]) -> _Request:
    """Return a step with its variables filled in; it cannot leave the origin.

    Raises:
        ConfigurationError: a variable of the path is not set, or what is filled in
            cannot stand where it should.
    """
    path = _path(step.path, variables)
    asked = _texts(step.query, variables)
    query = urlencode(asked, quote_via=quote, errors="replace")
    kind, content = _content(step, variables)
    glue = "" if not query else "&" if "?" in path else "?"
    url = f"{origin}{path}{glue}{query}"
    data = None if content is None else content.encode("utf-8", "replace")
    headers = _headers(step, kind, variables)
    return _Request(step.method, url, headers, data, content or "")


def _path(template: str, variables: Mapping[str, Any]) -> str:
    def quoted(found: re.Match[str]) -> str:
        value = fill(found[0], variables)
        if value is UNSET or value is None:
            message = f"the path {template} needs a variable that is not set"
            raise ConfigurationError(f"{message}: {found[0]}", see)
        return quote(as_text(value), safe="", errors="replace")

    see = "see: notifyws profile show"
    path = str(fill(re.sub(_PATH_VARIABLE, quoted, template), {}))
    if {".", ".."} & set(path.partition("?")[0].split("/")):
        # no encoding helps: a dot that is encoded still means one
        message = f"what fills the path {template} would lead to another one"
        raise ConfigurationError(message, see)
    return path


def _headers(step: Step, kind: str, variables: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"notifyws/{__version__}",
        **({"Content-Type": kind} if kind else {}),
        **_texts(step.headers, variables),
    }
    basic = UNSET if step.basic is None else fill(step.basic, variables)
    if basic is not UNSET:
        coded = base64.b64encode(str(basic).encode("utf-8", "surrogatepass"))
        headers["Authorization"] = f"Basic {coded.decode()}"
    for name, value in headers.items():
        if not re.fullmatch(_HEADER_NAME, name):
            message = f"{name!r} cannot be the name of a header"
            raise ConfigurationError(message, "see: notifyws profile show")
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            message = f"the header {name} would hold more than printable ASCII"
            raise ConfigurationError(message, "a username cannot stand there as it is")
    return headers


def _content(step: Step, variables: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the body's type and text."""
    if step.form is not None:
        fields = _texts(step.form, variables)
        return "application/x-www-form-urlencoded", urlencode(fields, errors="replace")
    if step.body is None:
        return "", None
    body = fill(step.body, variables)
    return "application/json", strict_json({} if body is UNSET else body)


def _texts(table: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, str]:
    filled = {name: fill(value, variables) for name, value in table.items()}
    return {
        name: as_text(value) for name, value in filled.items() if value is not UNSET
    }


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
