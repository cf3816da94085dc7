"""The socket's tables of a profile: how it is opened, and what is said on it.

The text under each field is its reference documentation, as in ``profile``.
"""

from __future__ import annotations

from typing import Literal

from notifyws.protocol.profile_schema import (
    Expression,
    Name,
    Path,
    Pattern,
    Place,
    Seconds,
    Table,
    Template,
    Text,
    table,
)


class Socket(Table, frozen=True, kw_only=True):
    """How the WebSocket is opened, where the token goes, and what a frame is."""

    path: Path | None = None
    """The socket's path, used where the configured URL has none."""
    query: dict[str, Text] = table()
    """Query parameters to add; one whose variable is not set is left out."""
    headers: dict[str, Text] = table()
    """Headers of the upgrade request."""
    cookies: dict[str, Text] = table()
    """Cookies of the upgrade request."""
    subprotocols: tuple[Text, ...] = ()
    """Subprotocols to offer, in order; offer none that the server does not know."""
    token_in: Place = "header"
    """Where the token goes: ``header``, ``query:NAME``, ``cookie:NAME``,
    ``subprotocol:NAME``, ``message`` (the ``first_frame``), or ``none`` (a template
    of this table or of the handshake names it)."""
    header: str = "Authorization"
    """The header that ``header`` sets."""
    token: Text = "Bearer {access_token}"
    """That header's value; other prefixes than ``Bearer`` are written here."""
    first_frame: Template = None
    """What ``message`` sends first."""
    frames: Literal["json", "json lines", "headers+json"] = "json"
    """What a text frame holds: one JSON value; one a line; or header lines, a blank
    line and JSON, read as ``{"headers": {...}, "body": ...}``."""
    json_in: tuple[str, ...] = ()
    """Dotted paths of strings that hold JSON themselves, as in ``data``; ``@`` is the
    frame itself."""
    compression: bool = False
    """Offer permessage-deflate."""


class FieldMapping(Table, frozen=True, kw_only=True):
    """How notifications are read from a value.

    Expressions look at one item; beside its own fields they see ``parent`` (what the
    item was found in), ``frame`` (the whole frame) and ``key`` (its key in a map),
    and ``item``, the item itself.
    """

    items: Expression | None = None
    """Where the items are: one object, a list of them, or a map whose values they
    are (see ``values``). The whole frame when not set."""
    values: bool = False
    """``items`` is a map, and its values are the notifications."""
    children: Expression | None = None
    """Each item holds a list of notifications here; the item is their ``parent``."""
    keep: Expression | None = None
    """True for the items that count."""
    fields: dict[str, Expression] = table()
    """``type``, ``title``, ``message``, ``link``, ``data``, ``id``, ``timestamp`` and
    any other field: each an expression, as in ``title || subject``. Without any, the
    item itself is the notification."""
    text: dict[str, Pattern] = table()
    """The same as text around paths, as in ``"{user.name} wrote"``, used where
    ``fields`` gave nothing; what is not there is empty."""
    words: dict[str, dict[str, str]] = table()
    """Replaces values of a field, as in ``[rules.words.type] 5 = "critical"``."""
    timestamp: Literal["iso", "s", "ms"] = "iso"
    """How the timestamp is written: as it will be shown, or as unix time."""
    encoding: Literal["text", "json"] = "text"
    """``json`` where the ``data`` field is text that holds JSON."""


class Rule(FieldMapping, frozen=True, kw_only=True):
    """What a frame means; the first rule that fits wins."""

    match: dict[str, str | int | bool] = table()
    """Fits frames that have exactly these values at the top, as in
    ``{ type = "ping" }``."""
    when: Expression | None = None
    """Fits frames for which this expression is true, too."""
    then: Literal[
        "notification",
        "ping",
        "pong",
        "ack",
        "token expired",
        "auth failed",
        "error",
        "gap",
        "ignore",
    ]
    """What the frame is: a notification; the server's ping (answered with ``reply``);
    its answer to ours; the acknowledgement of a message; word that the token has
    expired or is not accepted; an error about something we sent; word that
    notifications are missing; nothing of interest."""
    reply: Template = None
    """The answer to a ping."""
    message: Expression | None = None
    """Of an error: its words."""
    id: Expression | None = None
    """Of an error: the id of the message it speaks of."""
    start: Expression | None = None
    """Of a gap: since when notifications are missing."""
    end: Expression | None = None
    """Of a gap: until when."""


class Failing(Table, frozen=True, kw_only=True):
    """A frame by which a handshake or a renewal fails."""

    when: Expression
    """True for the frame that says so."""
    means: Literal["expired", "retry", "stop"] = "expired"
    """``expired``: the token is not accepted; ``retry``: later; ``stop``: never."""
    message: Expression | None = None
    """Where the frame says why."""


class Handshake(Table, frozen=True, kw_only=True):
    """One step of what is said after the socket is open, before it counts as connected.

    First ``send`` is sent, then a frame is awaited for which ``expect`` is true.
    """

    send: Template = None
    """A frame to send: a table, or text to send as it is."""
    expect: Expression | None = None
    """True for the frame that ends this step; without it the step ends at once."""
    fail: tuple[Failing, ...] = ()
    """Frames that end the handshake badly."""
    capture: dict[Name, Expression] = table()
    """Variables to take from the expected frame."""
    timeout: Seconds = 10.0
    """Seconds to wait for the expected frame."""
    only_with: Name | None = None
    """Skip this step unless that variable is set, as in ``last_id``."""
    only_without: Name | None = None
    """Skip this step when that variable is set."""


class AppPing(Table, frozen=True, kw_only=True):
    """A ping of the application, sent as a frame."""

    send: Template
    """The frame."""
    every: Seconds | None = None
    """Seconds between two; the ping interval of the settings when not set."""
    answer_within: Seconds | None = None
    """Seconds for a frame that a ``pong`` rule knows; none is awaited when not set."""


class Keepalive(Table, frozen=True, kw_only=True):
    """How a dead line is noticed."""

    websocket_pings: bool = True
    """Send WebSocket pings and expect their pongs; some servers never answer them."""
    ping: AppPing | None = None
    """The application's own ping, where the server has one."""
    silence: Seconds | None = None
    """Seconds without a sign of life after which the line is dead, where the server
    promises to be heard more often. WebSocket pings and pongs are signs of life."""


class Renewal(Table, frozen=True, kw_only=True):
    """What to do before the token of a live connection ends."""

    how: Literal["none", "reconnect", "frame"] = "none"
    """Nothing (the server lets the connection live); a new socket before the old one
    is closed; or a frame on the same socket."""
    frame: Template = None
    """The frame that carries the new token."""
    ok: Expression | None = None
    """True for the frame that says it was accepted."""
    fail: tuple[Failing, ...] = ()
    """Frames that say it was not."""
    timeout: Seconds = 10.0
    """Seconds to wait for either."""


class Ack(Table, frozen=True, kw_only=True):
    """The frame that says what became of a message."""

    when: Expression
    """True for such a frame."""
    id: Expression | None = None
    """Where the frame names the message it is about; compared with ``equals``."""
    equals: Text = "{seq}"
    """What the sent frame was numbered with: ``{seq}``, ``{uuid}`` or ``{id}``."""
    ok: Expression | None = None
    """True when the message was taken; without it every such frame says so."""
    message: Expression | None = None
    """Where the frame says why it was not."""
    timeout: Seconds = 10.0
    """Seconds to wait for it."""
