"""``/_dev``: what tests and demonstrations do to the server; loopback only.

    GET  /_dev/stats    counters, and the last 100 closes
    POST /_dev/notify   {"user"?, notification fields}, or a list: publish; the id(s)
    POST /_dev/cut      {"code"?, "reason"?, "user"?}: close sockets, or cut them
    POST /_dev/revoke   {"user"?}: refuse all access tokens given so far
    POST /_dev/raw      {"text", "user"?}: send a text frame as it is
    POST /_dev/mode     {"login_status"?, "refresh_status"?, "upgrade_status"?,
                        "delay"?, "retry_after"?}: answer so until {} resets it

Without ``user``, ``notify`` and ``revoke`` mean the first user, ``cut`` and ``raw``
mean everybody.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from notifyws.devserver.context import CONTEXT, Context, answer, failure
from notifyws.devserver.websocket import CUT, Connection

SENDABLE = frozenset(range(1000, 5000)) - {1005, 1006, 1015}
REASON_LIMIT = 123
"""Bytes that a close frame has for its reason."""
SLICE = 200
"""Notifications published before others get their turn."""
STATUSES = ("login_status", "refresh_status", "upgrade_status")
SECONDS = dict.fromkeys(("delay", "retry_after"), (0, 3600))
MODES = {**dict.fromkeys(STATUSES, (200, 599)), **SECONDS}
"""The lowest and the highest number of each mode."""

Body = dict[str, Any]
Order = Callable[[Context, Body], Awaitable[Body]]


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
    if code is not None and code not in SENDABLE:
        known = "a close code is 1000 to 4999, and 1005, 1006, 1015 are not sent"
        raise ValueError(known)
    if len(reason.encode()) > REASON_LIMIT:
        raise ValueError(f"a reason has at most {REASON_LIMIT} bytes")
    connections = _meant(context, body)
    for connection in connections:
        connection.close(CUT if code is None else (code, reason))
    return {"cut": len(connections)}


async def _revoke(context: Context, body: Body) -> Body:
    return {"revoked": context.sessions.revoke(_user(context, body))}


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
    return body


ORDERS = {"notify": _notify, "cut": _cut, "revoke": _revoke, "raw": _raw, "mode": _mode}

routes = [
    web.get("/_dev/stats", _endpoint(_stats)),
    *(web.post(f"/_dev/{name}", _endpoint(order)) for name, order in ORDERS.items()),
]
