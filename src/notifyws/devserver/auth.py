"""``/auth``: names and passwords in, tokens out."""

from __future__ import annotations

import hmac
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifyws.devserver.site import Site, failure, read_object
from notifyws.devserver.tokens import Grant

__all__ = ["auth_routes"]


def auth_routes(site: Site) -> list[Route]:
    """Return the routes that give tokens and take them back."""
    desk = _Desk(site)
    return [
        Route("/auth/login", desk.login, methods=["POST"]),
        Route("/auth/refresh", desk.refresh, methods=["POST"]),
        Route("/auth/logout", desk.logout, methods=["POST"]),
    ]


class _Desk:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def login(self, request: Request) -> Response:
        """Give a pair of tokens for a name and its password."""
        response = await self._login(request)
        if response.status_code == 200:
            self._site.stats.logins += 1
        else:
            self._site.stats.failedLogins += 1
        self._site.log(1, f"login: {response.status_code}")
        return response

    async def refresh(self, request: Request) -> Response:
        """Give a new pair of tokens for a refresh token, which is spent by it."""
        response = await self._refresh(request)
        if response.status_code == 200:
            self._site.stats.refreshes += 1
        else:
            self._site.stats.failedRefreshes += 1
        self._site.log(1, f"refresh: {response.status_code}")
        return response

    async def logout(self, request: Request) -> Response:
        """End the session of a refresh token."""
        texts = await _texts(request, "refreshToken")
        if texts is None:
            return _malformed("refreshToken")
        user = self._site.sessions.close(texts[0])
        self._site.log(1, f"logout: {404 if user is None else 204}")
        if user is None:
            return failure(404, "unknown_session", "no session has this refresh token")
        self._site.stats.logouts += 1
        return Response(status_code=204)

    async def _login(self, request: Request) -> Response:
        texts = await _texts(request, "username", "password")
        await self._site.delay()
        if self._site.mode.login_status is not None:
            return self._site.mode.answer(self._site.mode.login_status)
        if texts is None:
            return _malformed("username and password")
        if not self._knows(*texts):
            return failure(401, "invalid_credentials", "wrong username or password")
        return self._grant(self._site.sessions.open(texts[0], time.time()))

    async def _refresh(self, request: Request) -> Response:
        texts = await _texts(request, "refreshToken")
        await self._site.delay()
        if self._site.mode.refresh_status is not None:
            return self._site.mode.answer(self._site.mode.refresh_status)
        if texts is None:
            return _malformed("refreshToken")
        grant = self._site.sessions.renew(texts[0], time.time())
        if grant is None:
            sentence = "the refresh token is spent, expired or unknown"
            return failure(401, "invalid_refresh_token", sentence)
        return self._grant(grant)

    def _knows(self, username: str, password: str) -> bool:
        known = self._site.options.users.get(username)
        given = password.encode("utf-8", "surrogatepass")
        return hmac.compare_digest((known or "").encode(), given) and known is not None

    def _grant(self, grant: Grant) -> JSONResponse:
        options = self._site.options
        body: dict[str, Any] = {
            "accessToken": grant.access,
            "refreshToken": grant.refresh,
            "expiresIn": _whole(options.access_ttl),
            "refreshExpiresIn": _whole(options.refresh_ttl),
            "userId": options.user_id(grant.user),
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value


async def _texts(request: Request, *names: str) -> list[str] | None:
    """Return the texts that a body gives for ``names``, ``None`` if any is none."""
    body = await read_object(request) or {}
    texts = [body.get(name) for name in names]
    return None if not all(isinstance(text, str) for text in texts) else texts  # type: ignore[return-value]


def _malformed(what: str) -> Response:
    return failure(400, "malformed", f"a JSON object with {what} is expected")
