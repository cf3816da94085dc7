"""Builds a session, and opens a single connection, from settings and a profile."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from notifyws.auth.authenticator import Authenticator
from notifyws.config.urls import shown_url
from notifyws.connection.connection import Connection, Keepalive
from notifyws.connection.ports import Dial, Receiver, ServerProtocol
from notifyws.protocol.failures import FailureClassifier
from notifyws.protocol.upgrade import upgrade_request

if TYPE_CHECKING:
    from notifyws.connection.catch_up import CatchUp
    from notifyws.connection.ports import Receiver
    from notifyws.connection.session import Session


def build_session(
    auth: Authenticator, receiver: Receiver, *, retries: int | None
) -> Session:
    """Return a session that keeps one connection.

    Args:
        auth: gives the tokens, and knows the server.
        receiver: takes what arrives.
        retries: reconnects in a row before giving up; ``None`` for never.
    """
    from notifyws.connection.reconnect import Reconnector
    from notifyws.connection.session import Session

    return Session(
        Reconnector(replace(auth.settings, max_retries=retries), auth.clock.dice),
        auth.tokens,
        build_dial(auth),
        build_server_protocol(auth),
        receiver,
        auth.clock,
        build_keepalive(auth),
    )


async def open_connection(
    auth: Authenticator, token: str, dial: Dial | None = None
) -> Connection:
    """Return one open connection, its handshake done, which no session keeps.

    Args:
        auth: knows the server.
        token: the access token.
        dial: opens the socket, in place of the usual way.

    Raises:
        NetworkFailed: it did not come to one.
    """
    protocol = build_server_protocol(auth)
    return await Connection.open(
        dial or build_dial(auth),
        protocol.upgrade_request(token, None),
        build_keepalive(auth),
        auth.clock,
        protocol.ask,
    )


def build_server_protocol(auth: Authenticator) -> ServerProtocol:
    """Return how the server speaks on the socket."""
    profile, settings = auth.profile, auth.settings
    classifier = FailureClassifier(profile.closes, profile.statuses)
    known = {
        "origin": auth.origin,
        "username": settings.username or None,
        "authorization": auth.basic,
    }
    request = partial(
        upgrade_request,
        profile,
        auth.url,
        token_in=settings.token_in,
        variables={**known, **auth.variables},
    )
    return ServerProtocol(
        shown_url(auth.url),
        lambda token, place: request(token, last_id=place),
        classifier,
        profile.renewal if profile.renewal.how != "none" else None,
        settings.access_margin,
        auth.http.verify if profile.http.verify else None,
        _catch_up(auth, classifier),
        auth.http.ask,
    )


def build_dial(auth: Authenticator) -> Dial:
    """Return what opens sockets."""
    from notifyws.connection.dialer import dial

    return partial(dial, settings=auth.settings, tls=auth.tls)


def _catch_up(auth: Authenticator, classifier: FailureClassifier) -> CatchUp | None:
    resume = auth.profile.resume
    if resume is None or resume.catchup is None:
        return None
    from notifyws.connection.catch_up import CatchUp

    fetch, settings = auth.http.catch_up, auth.settings
    return CatchUp(resume.catchup, fetch, classifier, settings, auth.clock)


def build_keepalive(auth: Authenticator) -> Keepalive:
    """Return how a dead line is noticed: as settings and profile say."""
    said, settings = auth.profile.keepalive, auth.settings
    return Keepalive(
        settings.ping_interval,
        settings.ping_timeout,
        said.websocket_pings,
        said.ping,
        said.silence,
    )
