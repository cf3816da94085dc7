"""The HTTP side of a server, as the profile's steps say: login, refresh and the rest.

It says what is sent, and what comes of the answers; how steps are carried out is
``http_steps``'s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import asdict

from notifyws.auth.http_client import LARGEST, import_httpx
from notifyws.auth.http_refusals import SPENT, STALE, bad_credentials
from notifyws.auth.http_steps import OTHER_KIND, HttpSteps
from notifyws.auth.network_errors import http_date
from notifyws.errors import AuthenticationFailed, ConfigurationError, ReplyLost
from notifyws.models import TokenPair, as_text
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


class HttpApi:
    """What a server is asked over HTTP.

    Args:
        origin: scheme, host, port, and the path below which the server stands.
        profile: what to send and what to find in the answer.
        how: ``variables``, ``timeout`` and ``tls`` of :class:`HttpSteps`.

    Attributes:
        steps: carries them out.
    """

    def __init__(
        self, origin: str, profile: Profile, lifetimes: Lifetimes, **how: Any
    ) -> None:
        self.steps = HttpSteps(origin, profile, **how)
        self._profile = profile
        self._lifetimes = lifetimes

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
        return self.tokens(steps, await self.steps.run(steps, known, refusal))

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
        return self.tokens(steps, await self.steps.run(steps, known, SPENT))

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
            await self.steps.run(steps, known, SPENT)

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
        answers = await self._with_token(send.http, access_token, message)
        if answers[-1].is_page:
            said = f"{self.steps.origin} answered with a page for people"
            raise ReplyLost(said, OTHER_KIND)

    async def catch_up(self, access_token: str, known: Mapping[str, Any]) -> Any:
        """Return the body that holds what was missed.

        Args:
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
        known = {**known, **shown(access_token, self.steps.variables)}
        return await self.steps.run(_listed(steps), known, STALE, largest)

    def tokens(self, steps: Sequence[Step], replies: Sequence[Answer]) -> TokenPair:
        """Return what the answers to steps hold, as the profile says where.

        Raises:
            ReplyLost: no token.
        """
        where = self._profile.tokens
        try:
            if where is None:
                raise NoToken("the profile does not say where tokens are")
            said = replies[-1].headers.get("date", "")
            now = http_date(said) or time.time()  # ours may be off
            return read_tokens(where, replies, self._lifetimes, now)
        except NoToken as error:
            message = f"{self.steps.origin}{steps[-1].path} answered, but {error}"
            raise ReplyLost(message, OTHER_KIND) from None


def _listed(steps: Step | tuple[Step, ...] | None) -> tuple[Step, ...]:
    if steps is None:
        return ()
    return steps if isinstance(steps, tuple) else (steps,)
