"""The HTTP side of a server, as the profile's steps say: login, refresh and the rest.

It fills in what is sent, and judges what is answered; how an exchange is made is
``http_client``'s.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from msgspec.structs import asdict, replace

from notifyws.auth.http_client import (
    LARGEST,
    Exchanged,
    exchange,
    http_client,
    step_request,
)
from notifyws.auth.http_refusals import (
    SPENT,
    STALE,
    Refusal,
    bad_credentials,
    refused,
)
from notifyws.auth.httpx_import import import_httpx
from notifyws.auth.network_errors import http_date
from notifyws.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ReplyLost,
)
from notifyws.models import TokenPair, as_text
from notifyws.protocol.expressions import holds
from notifyws.protocol.masking import masked, spellings
from notifyws.protocol.profile import Profile, Step
from notifyws.protocol.templates import mentions, shown
from notifyws.protocol.token_replies import (
    Answer,
    Lifetimes,
    NoToken,
    captured,
    read_tokens,
)

PAGE = 4 << 20
"""Bytes that a page of notifications may have."""
OTHER_KIND = "is it this kind of server? try another --profile"

_SECRET = r"password|secret|token|code|key|otp"


class HttpApi:
    """Carries out the profile's HTTP steps at one origin.

    Args:
        origin: scheme, host, port, and the path below which the server stands;
            requests go nowhere else.
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
        self.on_exchange: Exchanged | None = None

    async def prepare(self) -> None:
        """Do beforehand what takes long on a busy machine, and needs no server."""
        import_httpx()  # 0.1 s, and many times that among many processes

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
        known = {"username": username, "password": password}
        refusal = bad_credentials(username, password)
        return self._tokens(steps, await self._run(steps, known, refusal))

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Return new tokens for a refresh token; it may be spent afterwards.

        Raises:
            AuthenticationFailed: the refresh token is no good.
            ReplyLost: no answer, or none that makes sense; it may be spent.
            NetworkFailed: it could not be shown to the server.
        """
        steps = _listed(self._profile.http.refresh)
        if not steps:
            raise AuthenticationFailed(
                "the server knows no refreshing", "notifyws auth login"
            )
        known = {"refresh_token": refresh_token}
        return self._tokens(steps, await self._run(steps, known, SPENT))

    async def logout(self, access_token: str, refresh_token: str) -> None:
        """End the session at the server, where the profile knows how.

        Args:
            access_token: of the session; empty where it is not known.
            refresh_token: the same. What the profile asks for must be known.

        Raises:
            NetworkFailed: no answer, or not a good one.
        """
        steps = _listed(self._profile.http.logout)
        known = {"access_token": access_token, "refresh_token": refresh_token}
        asked = [asdict(step) for step in steps]
        if any(mentions(asked, name) and not known[name] for name in known):
            return
        with suppress(AuthenticationFailed):  # then it has ended already
            await self._run(steps, known, SPENT)

    async def verify(self, access_token: str) -> None:
        """Return if the server takes this token for a good one.

        Raises as :meth:`catch_up` does.
        """
        await self._with_token(self._profile.http.verify, access_token, {})

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
            said = f"profile {name} does not send over HTTP"
            raise ConfigurationError(said, "send with another --profile")
        await self._with_token(send.http, access_token, message)

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
        step = resume.catchup.step
        return (await self._with_token(step, access_token, known, PAGE))[-1].body

    async def ask(self, step: Step, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return what one request of a handshake captures.

        Args:
            step: the request.
            known: the variables of its templates.

        Raises:
            TokenRefused: the token is no good.
            NetworkFailed: no answer, or not a good one.
        """
        token = as_text(known.get("access_token"))
        replies = await self._with_token(step, token, known)
        return captured(step.capture, replies[-1])

    async def _with_token(
        self,
        steps: Step | tuple[Step, ...] | None,
        access_token: str,
        known: Mapping[str, Any],
        largest: int = LARGEST,
    ) -> list[Answer]:
        known = {**known, **shown(access_token, self._variables)}
        return await self._run(_listed(steps), known, STALE, largest)

    def _tokens(self, steps: Sequence[Step], replies: Sequence[Answer]) -> TokenPair:
        where = self._profile.tokens
        try:
            if where is None:
                raise NoToken("the profile does not say where tokens are")
            said = replies[-1].headers.get("date", "")
            now = http_date(said) or time.time()  # ours may be off
            return read_tokens(where, replies, self._lifetimes, now)
        except NoToken as error:
            message = f"{self._origin}{steps[-1].path} answered, but {error}"
            raise ReplyLost(message, OTHER_KIND) from None

    async def _run(
        self,
        steps: Sequence[Step],
        known: Mapping[str, Any],
        refusal: Refusal,
        largest: int = LARGEST,
    ) -> list[Answer]:
        """Carry steps out in their order; what one captures, the next ones know.

        Args:
            steps: of the profile.
            known: variables of their templates.
            refusal: what it means that what was shown is not accepted.
            largest: bytes that a reply may have.
        """
        moment = {"now": int(time.time()), "uuid": secrets.token_hex(16)}
        variables = {**self._variables, "origin": self._origin, **moment, **known}
        named = (name for name in variables if re.search(_SECRET, name))
        hidden = spellings(*(as_text(variables[name]) for name in named))
        replies: list[Answer] = []
        await self.prepare()
        end = asyncio.get_running_loop().time() + self._timeout
        for step in steps:
            if not holds(step.only_if, variables):
                continue
            self._demand_captured(step, steps, variables)
            request = step_request(self._origin, step, variables)
            hidden += request.credentials
            client = http_client(self._origin, self._tls, self._timeout)
            reply = await exchange(client, request, end, hidden, largest)
            found = captured(step.capture, reply)
            hidden += self._given(reply, found)
            path = request.url.removeprefix(self._origin).partition("?")[0]
            asked = replace(step, path=masked(path, hidden))
            error = refused(self._origin, self._profile, asked, reply, refusal, hidden)
            if self.on_exchange is not None:
                self.on_exchange(request, reply, tuple(found), hidden)
            if error is not None:
                raise error
            variables |= found
            replies.append(reply)
        return replies

    def _demand_captured(
        self, step: Step, steps: Sequence[Step], variables: Mapping[str, Any]
    ) -> None:
        """Raise where a path needs what an earlier answer, a proxy's say, did not hold.

        Raises:
            ReplyLost: it does.
        """
        for earlier in steps:
            for name in earlier.capture:
                if mentions(step.path, name) and variables.get(name, "") is None:
                    missing = f"answered, but the reply holds no {name}"
                    message = f"{self._origin}{earlier.path} {missing}"
                    raise ReplyLost(message, OTHER_KIND)

    def _given(self, reply: Answer, found: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what an answer gave that others must not see."""
        where = self._profile.tokens
        places = {"access": where.access, "refresh": where.refresh} if where else {}
        sought = {name: place for name, place in places.items() if place}
        tokens = captured(sought, reply).values()
        return spellings(*map(as_text, tokens), *map(as_text, found.values()))


def _listed(steps: Step | tuple[Step, ...] | None) -> tuple[Step, ...]:
    if steps is None:
        return ()
    return steps if isinstance(steps, tuple) else (steps,)
