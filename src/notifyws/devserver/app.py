"""The routes put together: one application, and who may speak to it at all.

A page of another origin can reach a server on loopback, by a name that leads there
too. So ``Host`` must be loopback and ``Origin`` the same, or absent; else it is 403.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from notifyws.devserver import auth, control
from notifyws.devserver.context import CONTEXT, Context, failure
from notifyws.devserver.websocket import websocket

__all__ = ["build_app"]

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the largest request; many notifications may be published at once."""


def build_app(context: Context) -> web.Application:
    """Return the application that serves ``context``."""
    app = web.Application(middlewares=[_answered], client_max_size=MAX_BODY)
    app[CONTEXT] = context
    app.add_routes([*auth.routes, *control.routes])
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
