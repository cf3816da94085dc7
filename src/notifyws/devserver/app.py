"""The routes put together: one ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from notifyws.devserver.auth import auth_routes
from notifyws.devserver.control import control_routes
from notifyws.devserver.site import Site, failure
from notifyws.devserver.sockets import socket_route
from notifyws.devserver.wire import Hall

__all__ = ["build_app"]

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the largest request; many notifications may be published at once."""


def build_app(site: Site) -> Hall:
    """Return the application that serves ``site``."""
    routes = [*auth_routes(site), *control_routes(site), socket_route(site)]
    return Hall(
        Starlette(
            routes=routes,
            exception_handlers={HTTPException: _failed, ClientDisconnect: _failed},
            max_body_size=MAX_BODY,
        )
    )


async def _failed(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "internal error"
    return failure(status, "not_possible", detail)
