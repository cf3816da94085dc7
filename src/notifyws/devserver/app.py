"""The routes put together, who may speak to them at all, and ``/auth``.

A page of another origin can reach a server on loopback, by a name that leads there
too. So ``Host`` must be loopback and ``Origin`` the same, or absent; else it is 403.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from notifyws.devserver import control
from notifyws.devserver.context import CONTEXT, Context, answer, failure
from notifyws.devserver.websocket import websocket

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the largest request; many notifications may be published at once."""


def build_app(context: Context) -> web.Application:
    """Return the application that serves ``context``."""
    app = web.Application(middlewares=[_answered], client_max_size=MAX_BODY)
    app[CONTEXT] = context
    app.add_routes([*AUTH_ROUTES, *control.routes])
    app.on_response_prepare.append(_without_server)
    return app


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer strangers, sockets (on every path) and errors."""
    context = request.app[CONTEXT]
    try:
        await request.read()  # what is left unread resets a connection that is closed
        if not _is_local(request):
            return failure(403, "forbidden", "only this machine's own may ask here")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await websocket(context, request)
        return await handler(request)
    except web.HTTPException as error:
        return failure(error.status, "not_possible", error.reason)
    except (ConnectionError, web.RequestPayloadError):
        raise  # the client has gone
    except Exception as error:
        context.log(0, f"internal error: {error!r}")
        raise


def _is_local(request: web.Request) -> bool:
    host = request.headers.get("Host", "").lower()
    origins = request.headers.getall("Origin", [])
    if any(one.lower().partition("://")[2] != host for one in origins):
        return False
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


async def _without_server(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)


def _auth_route(
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
    return answer(context.sessions.open(username, context.clock()))


def _refresh(context: Context, token: str) -> web.Response:
    grant = context.sessions.renew(token, context.clock())
    if grant is None:
        sentence = "the refresh token is spent, expired or unknown"
        return failure(401, "invalid_refresh_token", sentence)
    return answer(grant)


def _logout(context: Context, token: str) -> web.Response:
    if not context.sessions.close(token):
        return failure(404, "unknown_session", "no session has this refresh token")
    return web.Response(status=204)


AUTH_ROUTES = [
    _auth_route("login", "logins", _login, "username", "password"),
    _auth_route("refresh", "refreshes", _refresh, "refreshToken"),
    _auth_route("logout", "logouts", _logout, "refreshToken"),
]
