"""``/auth``: names and passwords in, tokens out."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable

from aiohttp import web

from notifyws.devserver.context import CONTEXT, Context, answer, failure

__all__ = ["routes"]


def _route(
    what: str, counter: str, give: Callable[..., web.Response], *names: str
) -> web.RouteDef:
    """Give what is asked for, unless the mode or a body without ``names`` forbids."""

    async def endpoint(request: web.Request) -> web.Response:
        context = request.app[CONTEXT]
        try:
            body = json.loads(await request.read())
        except (ValueError, RecursionError):
            body = None
        texts = [body.get(name) for name in names] if isinstance(body, dict) else [None]
        response = await context.instead(what)
        if response is None and all(isinstance(text, str) for text in texts):
            response = give(context, *texts)
        elif response is None:
            sentence = f"a JSON object with {' and '.join(names)} is expected"
            response = failure(400, "malformed", sentence)
        good = response.status in (200, 204)
        context.stats[counter if good else f"failed{counter.capitalize()}"] += 1
        context.log(1, f"{what}: {response.status}")
        return response

    return web.post(f"/auth/{what}", endpoint)


def _login(context: Context, username: str, password: str) -> web.Response:
    known = context.options.users.get(username, "")
    given = password.encode("utf-8", "surrogatepass")
    if not known or not hmac.compare_digest(known.encode(), given):
        return failure(401, "invalid_credentials", "wrong username or password")
    return answer(context.sessions.open(username, time.time()))


def _refresh(context: Context, token: str) -> web.Response:
    grant = context.sessions.renew(token, time.time())
    if grant is None:
        sentence = "the refresh token is spent, expired or unknown"
        return failure(401, "invalid_refresh_token", sentence)
    return answer(grant)


def _logout(context: Context, token: str) -> web.Response:
    if not context.sessions.close(token):
        return failure(404, "unknown_session", "no session has this refresh token")
    return web.Response(status=204)


routes = [
    _route("login", "logins", _login, "username", "password"),
    _route("refresh", "refreshes", _refresh, "refreshToken"),
    _route("logout", "logouts", _logout, "refreshToken"),
]
