"""The socket's tables of a profile: how it is opened, and what is said on it.

The text under each field is its reference documentation, as in ``profile``.
"""

from typing import Literal

from notifyws.protocol.profile_schema import (
    Expression,
    Finder,
    JsonPath,
    Name,
    Path,
    Pattern,
    Place,
    RefusalName,
    Seconds,
    Table,
    Template,
    Text,
    VerdictName,
    table,
)


class Socket(Table, frozen=True, kw_only=True):
    """How the WebSocket is opened, where the token goes, and what a frame is."""

    path: Path | None = None
    """The socket's path. A path of the configured URL goes before it and before those
    of the HTTP side, unless it ends in this one already."""
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
    json_in: tuple[JsonPath, ...] = ()
    """Where strings hold JSON themselves: paths as in ``data`` or ``data.body``;
    ``[]`` stands for every element of a list, as in ``[].data``, and ``@`` for the
    frame itself. Text that is no JSON stays text."""
    split_lists: bool = False
    """A frame that is a list is as many frames, one an element, and the rules look at
    each of them."""
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
    item itself is the notification. Nothing of an item is lost: it is its ``data``;
    where ``data`` is named here, what no field shows stands beside them under its own
    name, or below ``frame`` where that is the name of a field."""
    text: dict[str, Pattern] = table()
    """The same as text around paths, as in ``"{user.name} wrote"``, used where
    ``fields`` gave nothing; what is not there is empty."""
    words: dict[str, dict[str, str]] = table()
    """Replaces values of a field, as in ``[rules.words.type] 5 = "critical"``."""
    timestamp: Literal["iso", "s", "ms"] = "iso"
    """How the timestamp is written: as it will be shown, or as unix time."""
    base64: dict[str, Expression] = table()
    """Fields that are base64 where an expression is true, as in
    ``{ message = "encoding == 'base64'" }``; bytes that are no UTF-8 are Latin-1."""
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
        "unsubscribed",
        "error",
        "gap",
        "ignore",
    ]
    """What the frame is: ``notification``; ``ping``, the server's own (answered with
    ``reply``); ``pong``, its answer to ours; ``ack``, the acknowledgement of a message;
    ``token expired`` (renewed in place where ``renewal`` can); ``auth failed``, the
    token is not accepted; ``unsubscribed``, the subscription has ended on a socket that
    lives on; ``error``, about something we sent, or about the session where ``means``
    or ``code`` says so; ``gap``, word that notifications are missing; ``ignore``."""
    reply: Template = None
    """The answer to a ping."""
    means: RefusalName | None = None
    """Of what is unsubscribed or an error: the session ends, and this is what it means:
    one of the values of ``closes``, as in ``retry`` (connect again, and say a gap).
    Without it, what is unsubscribed means ``retry``, and an error ends nothing."""
    code: Expression | None = None
    """Where the frame holds a code that ``closes`` knows: what it says there goes
    before ``means``."""
    message: Expression | None = None
    """Of an error, of what has expired, failed or ended: the server's words."""
    id: Expression | None = None
    """Of an error: the id of the message it speaks of."""
    start: Expression | None = None
    """Of a gap: since when notifications are missing."""
    end: Expression | None = None
    """Of a gap: until when."""


class Step(Table, frozen=True, kw_only=True):
    """One HTTP exchange: what to send, and which answers mean success.

    Templates may use the profile's constants, ``{username}``, ``{password}``,
    ``{access_token}``, ``{refresh_token}``, ``{origin}``, ``{now}``, ``{uuid}`` and
    whatever earlier steps captured.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    """The HTTP method."""
    path: Path
    """Path on the server, as in ``/auth/login_flow/{flow_id}``; variables in it are
    percent-encoded."""
    query: dict[str, Text] = table()
    """Query parameters; one whose variable is not set is left out."""
    headers: dict[str, Text] = table()
    """Headers, as in ``{ Authorization = "Bearer {access_token}" }``."""
    basic: Text | None = None
    """HTTP basic authentication, as in ``{username}:{password}``."""
    body: Template = None
    """A JSON body: any table, list or text."""
    form: dict[str, Text] | None = None
    """A form-encoded body instead of a JSON one."""
    accept: tuple[int, ...] = (200,)
    """Statuses that mean success."""
    ok: Expression | None = None
    """An expression over the answer's body that must be true as well, as in
    ``type == 'create_entry'`` where a server says "wrong password" with a 200."""
    capture: dict[Name, Finder] = table()
    """Variables to take from the answer: an expression over its body,
    ``header:NAME`` or ``cookie:NAME``."""
    only_if: Expression | None = None
    """Skip this request unless this expression over the variables is true, as in
    ``otp`` where a code was given."""


class Failing(Table, frozen=True, kw_only=True):
    """A frame by which a handshake or a renewal fails."""

    when: Expression
    """True for the frame that says so."""
    means: RefusalName = "expired"
    """What it means: ``expired`` (the token is not accepted), or one of the values of
    ``closes``."""
    code: Expression | None = None
    """Where the frame holds a code that ``closes`` knows: what it says there goes
    before ``means``, so that one table serves frames and closes."""
    message: Expression | None = None
    """Where the frame says why."""


class Handshake(Table, frozen=True, kw_only=True):
    """One step of what is said after the socket is open, before it counts as connected.

    First ``send`` is sent, then a frame is awaited for which ``expect`` is true.
    """

    http: Step | None = None
    """An HTTP request to make first, as where an endpoint signs a subscription; what it
    captures, and what earlier steps captured, its own ``send`` can use."""
    send: Template = None
    """A frame to send: a table, or text to send as it is."""
    each: Name | None = None
    """A variable that may hold several values, with commas between: the step is gone
    through for each of them, and sees the variable as that one."""
    expect: Expression | None = None
    """True for the frame that ends this step; without it the step ends at once."""
    fail: tuple[Failing, ...] = ()
    """Frames that end the handshake badly; asked before ``expect``."""
    optional: bool = False
    """A frame of ``fail`` ends this step only, and goes to the rules, which say it; but
    where the step uses a variable that the user gave another value than the profile
    does, it ends the handshake all the same."""
    deliver: bool = False
    """The expected frame goes to the rules as well, as where it brings what was
    missed."""
    capture: dict[Name, Expression] = table()
    """Variables to take from the expected frame."""
    timeout: Seconds = 10.0
    """Seconds to wait for the expected frame."""
    closed: VerdictName | None = None
    """What it means when the server closes or cuts the connection while the frame is
    awaited, without a code or a word of its own: one of the values of ``closes``, as
    in ``renew once`` where that is how it refuses a token."""
    only_with: Name | None = None
    """Skip this step unless that variable is set, as in ``last_id``."""
    only_without: Name | None = None
    """Skip this step when that variable is set."""
    only_if: Expression | None = None
    """Skip this step unless this expression over the variables is true, as in
    ``starts_with(channel, 'private-')``. With ``each`` it looks at one value at a time,
    and ``several`` is true where there are more."""


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
    """True for the frame that says it was accepted; where the server says nothing, the
    new token counts as accepted unless a frame of ``fail`` or a close comes in time."""
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
    """What the sent frame was numbered with: ``{seq}``, ``{uuid}`` or ``{id}``. Where
    there is no ``id``, answers come in the order of the messages."""
    ok: Expression | None = None
    """True when the message was taken; without it every such frame says so."""
    message: Expression | None = None
    """Where the frame says why it was not."""
    timeout: Seconds = 10.0
    """Seconds to wait for it."""
