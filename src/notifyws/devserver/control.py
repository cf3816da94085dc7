"""``/_dev``: what tests and demonstrations do to the server; loopback only.

    GET  /_dev/stats    counters, and the last 100 closes
    POST /_dev/notify   {"user"?, notification fields}, or a list: publish; the id(s)
    POST /_dev/cut      {"code"?, "reason"?, "user"?}: close sockets, or cut them
    POST /_dev/revoke   {"user"?}: refuse all access tokens given so far
    POST /_dev/raw      {"text", "user"?}: send a text frame as it is
    POST /_dev/mode     {"login_status"?, "refresh_status"?, "upgrade_status"?,
                        "delay"?, "retry_after"?}: answer so until {} resets it

Without ``user``, ``notify`` and ``revoke`` mean the first user, ``cut`` and ``raw``
mean everybody. A request that a web page makes is refused: pages may not steer it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import fields as fields_of
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifyws.devserver.hub import Connection
from notifyws.devserver.site import Mode, Site, failure

__all__ = ["control_routes"]

SENDABLE = frozenset(range(1000, 5000)) - {1005, 1006, 1015}
SLICE = 200
"""Notifications published before others get their turn."""

Body = dict[str, Any]
Order = Callable[[Site, Body], Awaitable[Body]]


class _Wrong(ValueError):
    """A request that cannot be done, in one sentence."""


def control_routes(site: Site) -> list[Route]:
    """Return the routes of the control side."""
    orders = {"notify": _notify, "cut": _cut, "revoke": _revoke, "raw": _raw}
    posts = [
        Route(f"/_dev/{name}", _endpoint(site, order), methods=["POST"])
        for name, order in {**orders, "mode": _mode}.items()
    ]
    return [Route("/_dev/stats", _endpoint(site, _stats), methods=["GET"]), *posts]


def _endpoint(site: Site, order: Order) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if "origin" in request.headers:
            return failure(403, "forbidden", "web pages may not steer this server")
        try:
            return JSONResponse(await order(site, await _body(request)))
        except (ValueError, RecursionError) as error:
            return failure(400, "malformed", str(error))

    return endpoint


async def _body(request: Request) -> Body:
    """Return a request's object; a list stands for its ``"list"``."""
    text = await request.body()
    value = json.loads(text or "{}")
    if isinstance(value, list):
        value = {"list": value}
    return _checked(value)


def _checked(value: object) -> Body:
    if not isinstance(value, dict):
        raise _Wrong("a JSON object is expected")
    return value


def _user(site: Site, body: Body) -> str:
    user = body.get("user") or site.options.first_user
    if user not in list(site.options.users):
        raise _Wrong(f"there is no user {user!r}")
    return str(user)


def _meant(site: Site, body: Body) -> list[Connection]:
    return site.hub.live(_user(site, body) if body.get("user") else None)


async def _stats(site: Site, _: Body) -> Body:
    return {**site.stats.as_json(), "live": len(site.hub.live())}


async def _notify(site: Site, body: Body) -> Body:
    if not isinstance(body.get("list"), list):
        return {"id": _publish(site, body)}
    idents = []
    for number, fields in enumerate(body["list"], 1):
        idents.append(_publish(site, _checked(fields)))
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return {"ids": idents}


def _publish(site: Site, body: Body) -> str:
    fields = {"type": "notification", **body}
    fields.pop("user", None)
    return site.hub.publish(_user(site, body), fields)


async def _cut(site: Site, body: Body) -> Body:
    code = body.get("code")
    if code is not None and code not in SENDABLE:
        raise _Wrong("a close code is 1000 to 4999, and 1005, 1006, 1015 are not sent")
    connections = _meant(site, body)
    for connection in connections:
        if code is None:
            connection.cut()
        else:
            connection.close((code, str(body.get("reason") or "")))
    return {"cut": len(connections)}


async def _revoke(site: Site, body: Body) -> Body:
    return {"revoked": site.sessions.revoke(_user(site, body), time.time())}


async def _raw(site: Site, body: Body) -> Body:
    text = body.get("text")
    if not isinstance(text, str):
        raise _Wrong("text is expected")
    connections = _meant(site, body)
    for connection in connections:
        connection.say(text)
    return {"sent": len(connections)}


async def _mode(site: Site, body: Body) -> Body:
    unknown = body.keys() - {each.name for each in fields_of(Mode)}
    if unknown:
        raise _Wrong(f"there is no mode {min(unknown)!r}")
    for name, value in body.items():
        low, high = (200, 599) if name.endswith("_status") else (0, 3600)
        kinds = int if name.endswith("_status") else (int, float)
        if not isinstance(value, kinds) or not low <= value <= high:
            raise _Wrong(f"{name} is a number from {low} to {high}")
    site.mode = Mode(**body)
    return body
