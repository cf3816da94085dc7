"""The routes put together, who may speak to them at all, ``/auth`` and ``/_dev``.

A page of another origin can reach a server on loopback, by a name that leads there
too. So ``Host`` must be loopback, ``Origin`` the same, or absent, and what a browser
says in ``Sec-Fetch-Site`` no other site; else it is 403. A link may lead to a page.

``/_dev`` is what tests and demonstrations do to the server:

    GET  /_dev/stats    counters, and the last 100 closes
    POST /_dev/notify   {"user"?, notification fields}, or a list: publish; the id(s)
    POST /_dev/cut      {"code"?, "reason"?, "user"?}: close sockets, or cut them
    POST /_dev/revoke   {"user"?}: refuse all access tokens given so far
    POST /_dev/raw      {"text", "user"?}: send a text frame as it is
    POST /_dev/mode     {"login_status"?, "refresh_status"?, "upgrade_status"?,
                        "delay"?, "retry_after"?, "pace"?, "seconds"?}: answer so
                        until {} resets it, statuses for so many seconds; "pace" is
                        how many of them each frame waits
    GET  /_dev/events   what happens, as ``event_stream`` tells it

Without ``user``, ``notify`` and ``revoke`` mean the first user, ``cut`` and ``raw``
mean everybody.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from notifyws.devserver.context import CONTEXT, Context, answer, failure
from notifyws.devserver.event_stream import event_stream
from notifyws.devserver.pages import PAGES
from notifyws.devserver.websocket import CUT, Connection, websocket

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the largest request; many notifications may be published at once."""
OF_STRANGERS = 64 * 1024
"""Bytes of a stranger's request that are waited for."""
SENDABLE = frozenset(range(1000, 5000)) - {1005, 1006, 1015}
OWN_SITE = {"none", "same-origin"}
"""What browsers say of requests that no other site's page has asked for."""
REASON_LIMIT = 123
"""Bytes that a close frame has for its reason."""
SLICE = 200
"""Notifications published before others get their turn."""
STATUSES = ("login_status", "refresh_status", "upgrade_status")
SECONDS = dict.fromkeys(("delay", "retry_after", "pace", "seconds"), (0, 3600))
MODES = {**dict.fromkeys(STATUSES, (200, 599)), **SECONDS}
"""The lowest and the highest number of each mode."""

Body = dict[str, Any]
Order = Callable[[Context, Body], Awaitable[Body]]


def build_app(context: Context) -> web.Application:
    """Return the application that serves ``context``."""
    app = web.Application(middlewares=[_answered], client_max_size=MAX_BODY)
    app[CONTEXT] = context
    app.add_routes([*PAGES, *AUTH_ROUTES, *CONTROL_ROUTES])
    app.on_response_prepare.append(_mark)
    return app


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer strangers, sockets (on every path) and errors."""
    context = request.app[CONTEXT]
    try:
        if (refusal := await refused(request)) is not None:
            return refusal
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


async def refused(request: web.Request) -> web.Response | None:
    """Return the answer to a stranger, of whose body nothing is kept.

    It is read at first, as ours is: what is left unread resets a connection that is
    closed.
    """
    if is_local(request):
        await request.read()
        return None
    heard = 0
    async for some in request.content.iter_any():
        heard += len(some)
        if heard > OF_STRANGERS:
            break
    return failure(403, "forbidden", "only this machine's own may ask here")


def is_local(request: web.Request) -> bool:
    """Return whether a request is this machine's own, and no page's of elsewhere."""
    host = request.headers.get("Host", "").lower()
    origins = request.headers.getall("Origin", [])
    if any(one.lower().partition("://")[2] != host for one in origins):
        return False
    if not OWN_SITE.issuperset(request.headers.getall("Sec-Fetch-Site", [])):
        to = request.headers.get("Sec-Fetch-Dest")
        if request.method != "GET" or to != "document":
            return False
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


async def _mark(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)
    response.headers["X-Content-Type-Options"] = "nosniff"


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


def _endpoint(order: Order) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def endpoint(request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read() or b"{}")
            body = {"list": body} if isinstance(body, list) else body
            return answer(await order(request.app[CONTEXT], _checked(body)))
        except (ValueError, RecursionError) as error:
            return failure(400, "malformed", str(error))

    return endpoint


def _checked(value: object) -> Body:
    if not isinstance(value, dict):
        raise ValueError("a JSON object is expected")
    return value


def _user(context: Context, body: Body) -> str:
    user = body.get("user") or context.options.first_user
    if user not in list(context.options.users):
        raise ValueError(f"there is no user {user!r}")
    return str(user)


def _meant(context: Context, body: Body) -> list[Connection]:
    return context.live(_user(context, body) if body.get("user") else None)


async def _stats(context: Context, _: Body) -> Body:
    live = len(context.live())
    return {**context.stats, "closes": list(context.closes), "live": live}


async def _notify(context: Context, body: Body) -> Body:
    if not isinstance(body.get("list"), list):
        return {"id": _publish(context, body)}
    idents = []
    for number, fields in enumerate(body["list"], 1):
        idents.append(_publish(context, _checked(fields)))
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return {"ids": idents}


def _publish(context: Context, body: Body) -> str:
    fields = {"type": "notification", **body}
    fields.pop("user", None)
    return context.publish(_user(context, body), fields)


async def _cut(context: Context, body: Body) -> Body:
    code, reason = body.get("code"), str(body.get("reason") or "")
    if code is not None and (type(code) is not int or code not in SENDABLE):
        known = "a close code is 1000 to 4999, and 1005, 1006, 1015 are not sent"
        raise ValueError(known)
    if len(reason.encode()) > REASON_LIMIT:
        raise ValueError(f"a reason has at most {REASON_LIMIT} bytes")
    connections = _meant(context, body)
    for connection in connections:
        connection.close(CUT if code is None else (code, reason))
    return {"cut": len(connections)}


async def _revoke(context: Context, body: Body) -> Body:
    user = _user(context, body)
    context.log(1, f"access tokens are refused from now on: {user}")
    return {"revoked": context.sessions.revoke(user)}


async def _raw(context: Context, body: Body) -> Body:
    text = body.get("text")
    if not isinstance(text, str):
        raise ValueError("text is expected")
    text.encode()  # a lone surrogate cannot be sent
    connections = _meant(context, body)
    for connection in connections:
        connection.say(text)
    return {"sent": len(connections)}


async def _mode(context: Context, body: Body) -> Body:
    for name, value in body.items():
        if name not in MODES:
            raise ValueError(f"there is no mode {name!r}")
        low, high = MODES[name]
        kinds = int if name in STATUSES else (int, float)
        if not isinstance(value, kinds) or not low <= value <= high:
            raise ValueError(f"{name} is a number from {low} to {high}")
    context.mode = body
    context.log(1, f"answers are {'as asked for' if body else 'the truth'} from now on")
    return body


ORDERS = {"notify": _notify, "cut": _cut, "revoke": _revoke, "raw": _raw, "mode": _mode}

CONTROL_ROUTES = [
    web.get("/_dev/stats", _endpoint(_stats)),
    web.get("/_dev/events", event_stream),
    *(web.post(f"/_dev/{name}", _endpoint(order)) for name, order in ORDERS.items()),
]
