"""Builds what takes notifications in, keeps them, and sends messages.

Each from settings, a profile, and what is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from notifyws.auth.authenticator import Authenticator
from notifyws.clock import utc_text
from notifyws.delivery.build_sinks import build_routing, build_sinks
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import ConfigurationError, UsageError
from notifyws.models import Message, strict_json
from notifyws.protocol.profile import Profile, Resume, Send

if TYPE_CHECKING:
    from notifyws.connection.connection import Connection
    from notifyws.delivery.durable_listener import SharedCursor
    from notifyws.delivery.filters import Filter
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.outbox_records import ListenerPosition
    from notifyws.delivery.queue import DeliveryQueue
    from notifyws.delivery.receiver import Item, Receiver
    from notifyws.delivery.sender import SocketSender
    from notifyws.protocol.composer import Composed, Composer
    from notifyws.protocol.cursor import Cursor
    from notifyws.protocol.places import Places
    from notifyws.protocol.rules import Rules
    from notifyws.protocol.templates import TemplateContext

LONGEST_NAME = 64
EXAMPLES = {"listener": "as in --name desk", "group": "as in --group workers"}


class Past(Protocol):
    """Where a listener stood, and the ids that it was given, the oldest first."""

    @property
    def position(self) -> ListenerPosition: ...
    @property
    def seen(self) -> Iterable[str | int]: ...


def checked_name(name: str, of: str = "listener") -> str:
    """Return a listener's name, or a group's.

    Raises:
        UsageError: it is none.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        message = f"a {of}'s name has 1 to {LONGEST_NAME} printable characters"
        raise UsageError(message, EXAMPLES[of])
    return name


def build_outbox(
    auth: Authenticator, name: str | None, deliver: DeliveryTargets
) -> Outbox:
    """Return the outbox of a listener.

    Args:
        auth: whose notifications these are, and how patiently they are delivered.
        name: the listener's; ``None`` for one that ends with this process.

    Raises:
        ConfigurationError: a sink cannot be, or a listener of that name runs already.
    """
    from notifyws.config.files import user_folder
    from notifyws.delivery.dead_letters import DeadLetters
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.outbox_file import OutboxFile

    account, warn = auth.account.id, auth.warn
    sinks = build_sinks(auth.settings, deliver, auth.clock, warn)
    state = user_folder("state")
    stem = f"{account}-{quote(name, safe='')}" if name else account
    dead_letters = DeadLetters(state / "dead-letters" / f"{stem}.jsonl", warn)
    return Outbox(
        OutboxFile(state / "listeners" / f"{stem}.db" if name else None, warn),
        sinks,
        auth.settings,
        auth.clock,
        write_dead_letters=dead_letters.write_dead_letters,
        warn=warn,
        durable=name is not None,
        routing=build_routing(deliver, sinks, warn),
    )


def build_rules(profile: Profile, places: Places | None = None) -> Rules:
    """Return what says which frame means what."""
    from notifyws.protocol.frames import decode_all, decoder_of
    from notifyws.protocol.rules import Rules

    read, renewal = decoder_of(profile.socket), profile.renewal
    return Rules(
        profile.rules,
        None if read is decode_all else read,
        profile.send.ack if profile.send else None,
        renewal if renewal.how == "frame" else None,
        profile.closes,
        places.follow if places else None,
    )


def build_receiver(
    auth: Authenticator,
    queue: DeliveryQueue[Item],
    *,
    since: str | int | datetime | None,
    frames: bool = False,
    selection: Filter | None = None,
    outbox: Outbox | None = None,
    past: Past | None = None,
) -> Receiver:
    """Return what takes frames in.

    Args:
        since: id of the last notification known, or the time to begin at;
            ``None`` for "from now".
        frames: hand over frames that are no notifications, too.
        selection: which notifications are wanted.
        past: where a listener stood that goes on.

    Raises:
        UsageError: the server cannot replay from there.
    """
    from notifyws.connection.event_emitter import GapStart
    from notifyws.delivery.receiver import Receiver

    cursor = _cursor(auth, since, past)
    receiver = Receiver(
        build_rules(auth.profile, cursor.places),
        queue,
        cursor,
        auth.clock,
        frames=frames,
        selection=selection,
        outbox=outbox,
        server=auth.label,
    )
    heard_at = past.position.heard_at if past else ""
    if isinstance(since, datetime):
        heard_at = utc_text(since.timestamp())
    if heard_at:
        receiver.gaps.begin(GapStart(heard_at))
    return receiver


def _dumps(resume: Resume) -> bool:
    """Return whether what comes may be from before all that was asked for."""
    pages_back = resume.catchup is not None and resume.catchup.order == "newest first"
    return pages_back or resume.unknown_id == "all"


def _cursor(
    auth: Authenticator, since: str | int | datetime | None, past: Past | None
) -> Cursor:
    from notifyws.protocol.cursor import Cursor
    from notifyws.protocol.expressions import holds
    from notifyws.protocol.places import sayable

    profile = auth.profile
    resume = profile.resume
    start: dict[str, Any] = {"last_id": since}
    if past:
        stood = past.position
        start["mixed"] = stood.mixed
        if since is None:
            start |= {"last_id": stood.last_id, "began_at": stood.sent_at}
            start["seen"] = past.seen
    if isinstance(since, datetime):
        _want_replay_by_time(profile)
        start = {"since": since.astimezone(UTC)}
    return Cursor(
        **start,
        can_resume=resume is not None and resume.asks,
        snapshot=resume is not None and resume.snapshot,
        partial=bool(resume and resume.unless and holds(resume.unless, auth.variables)),
        repeats=profile.renewal.how == "reconnect",
        by_id=profile.unique_ids,
        places=_places(profile),
        warn=auth.warn,
        fits=sayable(profile, "last_id"),
        dumps=resume is not None and _dumps(resume),
    )


def _places(profile: Profile) -> Places | None:
    from notifyws.protocol.places import Places, sayable

    if (follow := profile.follow) is None:
        return None
    return Places(follow, {name: sayable(profile, name) for name in follow.variables})


def _want_replay_by_time(profile: Profile) -> None:
    from notifyws.protocol.since import can_begin

    if can_begin(profile):
        return
    asked = profile.resume is not None
    what = "replay from a time on" if asked else "replay"
    message = f"--since: a server of profile {profile.name} cannot {what}"
    hint = "leave it out, or give an id" if asked else "leave it out"
    raise UsageError(message, hint)


def build_shared_cursor(auth: Authenticator, name: str) -> SharedCursor | None:
    """Return a listener's place in the cache; ``None`` if no host shares that."""
    from notifyws.delivery.durable_listener import SharedCursor

    if auth.cache.backend != "redis":
        return None
    return SharedCursor(auth.cache, auth.account.id, name, auth.clock)


def build_socket_sender(
    auth: Authenticator, connection: Callable[[], Connection | None]
) -> SocketSender:
    """Return what sends messages over a socket.

    Args:
        connection: returns the open one, if there is one.
    """
    from notifyws.delivery.sender import SocketSender
    from notifyws.protocol.composer import Composer

    @cache
    def composer() -> Composer:
        return Composer(_send(auth.profile))

    def compose(message: Message, context: TemplateContext) -> Composed:
        return composer().compose(message, context)

    ack = auth.profile.send.ack if auth.profile.send else None
    return SocketSender(connection, compose, asyncio.sleep, ack)


def frame_of(auth: Authenticator, message: Message) -> str:
    """Return a message as it would be sent first on a socket, or by HTTP.

    Raises:
        ConfigurationError: the profile does not say how to send.
        UsageError: the payload holds what JSON cannot say.
    """
    from notifyws.protocol.composer import Composer, of_message
    from notifyws.protocol.templates import UNSET, TemplateContext, fill

    send = _send(auth.profile)
    context = TemplateContext(auth.variables, auth.clock.wall, auth.clock.secret)
    if send.http is None:
        return Composer(send).compose(message, context).frame
    last = send.http[-1] if isinstance(send.http, tuple) else send.http
    known = context.known({"uuid"}, of_message(message))
    body = fill(last.body if last.form is None else last.form, known)
    request = {"method": last.method, "path": last.path}
    return strict_json({**request, "body": None if body is UNSET else body})


def _send(profile: Profile) -> Send:
    if profile.send is None:
        said = f"profile {profile.name} does not say how to send"
        raise ConfigurationError(said, "add [send] to it, or use another --profile")
    return profile.send
