"""Builds a session, and opens a single connection, from settings and a profile."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.known_secrets import known_secrets
from notifyws.config.urls import shown_url
from notifyws.connection.connection import Connection
from notifyws.connection.outcome import RENEWING, denied, opened
from notifyws.connection.ports import Dial, Keepalive, Receiver, ServerProtocol
from notifyws.errors import ConfigurationError, NetworkFailed, NotifyError
from notifyws.protocol.expressions import holds
from notifyws.protocol.failures import FailureClassifier, Verdict
from notifyws.protocol.places import Places
from notifyws.protocol.since import can_begin
from notifyws.protocol.upgrade import upgrade_request

if TYPE_CHECKING:
    from notifyws.auth.cached_tokens import AccessToken
    from notifyws.connection.catch_up import CatchUp
    from notifyws.connection.session import Session
    from notifyws.connection.verification import Verifier


def build_session(
    auth: Authenticator, receiver: Receiver, *, retries: int | None
) -> Session:
    """Return a session that keeps one connection.

    Args:
        auth: gives the tokens, and knows the server.
        retries: reconnects in a row before giving up; ``None`` for never.
    """
    from notifyws.connection.reconnect import Reconnector
    from notifyws.connection.session import Session

    protocol = build_server_protocol(auth, receiver.cursor.places)
    return Session(
        Reconnector(replace(auth.settings, max_retries=retries), auth.clock.dice),
        auth.tokens,
        build_dial(auth),
        protocol,
        receiver,
        auth.clock,
        build_keepalive(auth),
        _verifier(auth, receiver, protocol),
    )


def _verifier(
    auth: Authenticator, receiver: Receiver, protocol: ServerProtocol
) -> Verifier | None:
    if not (every := auth.settings.verify_every):
        return None
    want_verifiable(auth)
    from notifyws.connection.second_connection import replayed
    from notifyws.connection.verification import Verifier

    catch_up = _catch_up(auth, protocol.classifier)
    how = _plain_dial(auth), build_keepalive(auth), auth.tokens, auth.clock
    ask = catch_up.after if catch_up else partial(replayed, protocol, *how)
    begins = can_begin(auth.profile)
    return Verifier(ask, every, receiver, auth.clock, begins=begins)


def want_verifiable(auth: Authenticator) -> None:
    """Look whether a server can be asked what a socket missed, if that is wanted.

    Raises:
        ConfigurationError: it cannot.
    """
    if not auth.settings.verify_every:
        return
    profile, resume = auth.profile, auth.profile.resume
    why = ""
    if resume is None or not resume.asks:
        why = "it can neither be asked what was missed nor resume after an id"
    elif resume.unless and holds(resume.unless, auth.variables):
        why = "with these variables it cannot be asked for all that was missed"
    elif not profile.unique_ids or (profile.follow and not resume.catchup):
        why = "its notifications have no ids by which to tell what was missed"
    if why:
        said = f"--verify-every: a server of profile {profile.name} cannot be verified"
        hint = "leave out --verify-every (NOTIFYWS_VERIFY_EVERY)"
        raise ConfigurationError(f"{said}: {why}", hint)


async def good_token(auth: Authenticator) -> AccessToken:
    """Return the ready-made token if it is good, as far as can be told.

    Raises:
        AuthenticationFailed: it has expired, or the server says that it is no good.
    """
    token = await auth.tokens.get()
    if token.remaining <= 0:
        raise token.not_accepted("it has expired by its own word")
    with suppress(NetworkFailed):
        await verify_token(auth, token)
    return token


async def verify_token(auth: Authenticator, token: AccessToken) -> None:
    """Have the server say whether a token is good, where its profile knows how.

    Raises:
        AuthenticationFailed: it is not.
        NetworkFailed: no answer, or none that makes sense.
    """
    protocol = build_server_protocol(auth)
    if protocol.verify is None:
        return
    try:
        await protocol.verify(token.value)
    except NetworkFailed as error:
        raise judged(auth, error, token) from None


def judged(auth: Authenticator, error: NotifyError, token: AccessToken) -> NotifyError:
    """Return what an error is to somebody who tries once, with one token."""
    if not isinstance(error, NetworkFailed):
        return error
    verdict = build_server_protocol(auth).classifier.of(error)
    if verdict is Verdict.DENIED:
        return denied(error)
    return token.not_accepted(error.message) if verdict in RENEWING else error


async def open_connection(
    auth: Authenticator, token: AccessToken, dial: Dial | None = None
) -> Connection:
    """Return one open connection, its handshake done, which no session keeps.

    Args:
        dial: opens the socket, in place of the usual way.

    Raises:
        AuthenticationFailed: the server does not accept the token.
        NetworkFailed: it did not come to one.
    """
    protocol = build_server_protocol(auth)
    how = dial or build_dial(auth), build_keepalive(auth), auth.clock
    try:
        return await opened(protocol, token, None, *how)
    except NetworkFailed as error:
        raise judged(auth, error, token) from None


def build_server_protocol(
    auth: Authenticator, places: Places | None = None
) -> ServerProtocol:
    """Return how the server speaks on the socket.

    Args:
        places: where streams stand that it numbers by itself.
    """
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
        places=places,
        variables={**known, **auth.variables},
        secrets=partial(known_secrets, auth),
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
        profile.http.verify_when == "in doubt",
        any(step.send is not None and not step.expect for step in profile.handshake),
    )


def build_dial(auth: Authenticator) -> Dial:
    """Return what opens the sockets that are listened to."""
    if auth.recorder is None:
        return _plain_dial(auth)
    from notifyws.connection.recorded_transport import recorded

    return recorded(_plain_dial(auth), auth.recorder)


def _plain_dial(auth: Authenticator) -> Dial:
    from notifyws.connection.dialer import dial

    return partial(dial, settings=auth.settings, tls=auth.tls)


def _catch_up(auth: Authenticator, classifier: FailureClassifier) -> CatchUp | None:
    resume = auth.profile.resume
    if resume is None or resume.catchup is None:
        return None
    from notifyws.connection.catch_up import CatchUp

    fetch, settings = auth.http.catch_up, auth.settings
    tokens, clock = auth.tokens, auth.clock
    return CatchUp(resume.catchup, fetch, tokens, classifier, settings, clock)


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
