"""What a profile can say: the model behind every ``profiles/*.toml``.

A profile is data. It is validated whole before anything is sent, unknown keys are
errors, and no part of it can name a host, a file or a command. What validates is
pydantic, which is not imported here: whoever uses a profile does not need it.

The text under each field is its reference documentation; it is printed for people
and stands in the JSON Schema for editors.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct, convert, field

from notifyws.protocol.constraints import Checked
from notifyws.protocol.expressions import compiled, finder
from notifyws.protocol.templates import check

__all__ = [
    "Ack",
    "AppPing",
    "Catchup",
    "Failure",
    "Handshake",
    "Http",
    "Keepalive",
    "Mapping",
    "Profile",
    "Renewal",
    "Resume",
    "Rule",
    "Send",
    "Socket",
    "Step",
    "Style",
    "Tokens",
    "trusted",
]

Expression = Annotated[str, Checked(compiled)]
Finder = Annotated[str, Checked(finder)]
Template = Annotated[Any, Checked(check)]
Text = Annotated[str, Checked(check)]
Path = Annotated[
    str,
    Checked(check, pattern=r"^/([^/\\#\s][^\\#\s]*)?$"),  # never "//host"
]
Name = Annotated[str, Checked(pattern=r"^[a-z][a-z0-9_]*$")]
ProfileName = Annotated[str, Checked(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Codes = Annotated[str, Checked(pattern=r"^[0-9]{1,4}(-[0-9]{1,4})?$")]
Closes = Annotated[str, Checked(pattern=r"^[0-9]{1,4}(-[0-9]{1,4})?( .+)?$")]
Place = Annotated[
    str, Checked(pattern=r"^(header|message|none|(query|subprotocol|cookie):.+)$")
]
Seconds = Annotated[float, Checked(gt=0, le=86400 * 400)]
Pages = Annotated[int, Checked(ge=1, le=1000)]
Pattern = Annotated[str, Checked(max_length=2000)]
VerdictName = Literal["retry", "retry now", "renew", "renew once", "strike", "stop"]
Meaning = Literal[
    "bad credentials", "expired", "log in again", "retry", "throttled", "stop"
]


class Table(Struct, frozen=True, kw_only=True):
    """A table of a profile: its keys are given by name, and there are no others."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from notifyws.protocol.validation import table_schema

        return table_schema(cls, handler)


def _table() -> Any:
    return field(default_factory=dict)


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
    query: dict[str, Text] = _table()
    """Query parameters; one whose variable is not set is left out."""
    headers: dict[str, Text] = _table()
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
    capture: dict[Name, Finder] = _table()
    """Variables to take from the answer: an expression over its body,
    ``header:NAME`` or ``cookie:NAME``."""


Steps = Step | tuple[Step, ...]


class Failure(Table, frozen=True, kw_only=True):
    """What an answer means that is no success; the first that fits is used."""

    status: Codes | None = None
    """A status or a range of them, as in ``400`` or ``400-403``; any when not set."""
    when: Expression | None = None
    """An expression over the answer's body that must be true."""
    means: Meaning
    """``bad credentials`` (the password is wrong), ``expired`` (the token is not
    accepted), ``log in again`` (the refresh token is not), ``retry``, ``throttled``
    or ``stop``."""
    message: Expression | None = None
    """Where the answer's body says why."""


class Http(Table, frozen=True, kw_only=True):
    """The HTTP side: logging in and out, refreshing, and asking about a token."""

    login: Steps | None = None
    """One step, or several in their order; without it a ready-made token is needed."""
    refresh: Steps | None = None
    """How a refresh token gives new tokens; without it, expiry means a new login."""
    logout: Steps | None = None
    """How to end the session."""
    verify: Steps | None = None
    """Asks whether the access token is good, before the socket is opened: for servers
    that accept any socket and stay silent without a good token."""
    refused: tuple[int, ...] = (401,)
    """Statuses that mean: these credentials, or this token, are no good."""
    failures: tuple[Failure, ...] = ()
    """What other answers mean; asked before ``refused``."""


class Tokens(Table, frozen=True, kw_only=True):
    """Where the answers of ``login`` and ``refresh`` hold what.

    Each is an expression over the body, ``header:NAME`` or ``cookie:NAME``. With
    several steps, the last answer that holds a token counts.
    """

    access: Finder
    """The access token. A ``Bearer`` in front of it is taken off."""
    refresh: Finder | None = None
    """The refresh token; an answer without one keeps the old one."""
    expires_in: Finder | None = None
    """How long the access token lives, from now."""
    refresh_expires_in: Finder | None = None
    """How long the refresh token lives, from now."""
    unit: Literal["s", "ms"] = "s"
    """What ``expires_in`` and ``refresh_expires_in`` count."""
    expires_at: Finder | None = None
    """When the access token ends: unix seconds or milliseconds, or ISO 8601."""
    lifetime: Seconds | None = None
    """Seconds the access token lives where neither the answer nor the token tells
    (a JWT's ``exp`` does)."""
    refresh_lifetime: Seconds | None = None
    """Seconds the refresh token lives where nothing tells."""
    user_id: Finder | None = None
    """The user's id in the answer."""
    user_claim: str = "sub"
    """The JWT claim that holds the user's id, where the answer does not."""


class Socket(Table, frozen=True, kw_only=True):
    """How the WebSocket is opened, where the token goes, and what a frame is."""

    path: Path | None = None
    """The socket's path, used where the configured URL has none."""
    query: dict[str, Text] = _table()
    """Query parameters to add; one whose variable is not set is left out."""
    headers: dict[str, Text] = _table()
    """Headers of the upgrade request."""
    cookies: dict[str, Text] = _table()
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
    capture: dict[Name, Expression] = _table()
    """Variables to take from the expected frame."""
    timeout: Seconds = 10.0
    """Seconds to wait for the expected frame."""
    only_with: Name | None = None
    """Skip this step unless that variable is set, as in ``last_id``."""
    only_without: Name | None = None
    """Skip this step when that variable is set."""


class Mapping(Table, frozen=True, kw_only=True):
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
    fields: dict[str, Expression] = _table()
    """``type``, ``title``, ``message``, ``link``, ``data``, ``id``, ``timestamp`` and
    any other field: each an expression, as in ``title || subject``. Without any, the
    item itself is the notification."""
    text: dict[str, Pattern] = _table()
    """The same as text around paths, as in ``"{user.name} wrote"``, used where
    ``fields`` gave nothing; what is not there is empty."""
    words: dict[str, dict[str, str]] = _table()
    """Replaces values of a field, as in ``[rules.words.type] 5 = "critical"``."""
    timestamp: Literal["iso", "s", "ms"] = "iso"
    """How the timestamp is written: as it will be shown, or as unix time."""
    encoding: Literal["text", "json"] = "text"
    """``json`` where the ``data`` field is text that holds JSON."""


class Rule(Mapping, frozen=True, kw_only=True):
    """What a frame means; the first rule that fits wins."""

    match: dict[str, str | int | bool] = _table()
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
    """Seconds without any frame after which the line is dead; only where the server
    promises to be heard more often."""


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


class Catchup(Mapping, frozen=True, kw_only=True):
    """An HTTP request that brings what was missed, after a reconnect.

    Its notifications are read by this table's own ``fields``; without any, each item
    goes through the rules as if it were a frame.
    """

    step: Step
    """The request; ``{last_id}`` is the last id seen, ``{before}`` the oldest id of
    the page before."""
    order: Literal["oldest first", "newest first"] = "oldest first"
    """How items are sorted. With ``newest first``, pages follow by ``{before}`` until
    a known id is there."""
    pages: Pages = 20
    """Requests at most; what lies beyond is said as a gap."""


class Resume(Table, frozen=True, kw_only=True):
    """How a reconnect asks for what was missed.

    A handshake step or the socket's tables may use ``{last_id}`` instead: then
    ``by_template`` says that they do. ``{resuming}`` is set wherever ``{last_id}`` or
    ``{since}`` is.
    """

    query: str | None = None
    """The query parameter that takes the id of the last notification seen."""
    header: str | None = None
    """The header that takes it."""
    by_template: bool = False
    """``{last_id}`` stands in the socket's tables or in the handshake."""
    since_time: Text | None = None
    """What ``query`` and ``header`` take when somebody begins at a time: a template
    with ``{since.unix}``, ``{since.ms}`` or ``{since.iso}``, or what asks for all that
    the server keeps. Not needed where a handshake step or the socket's tables name
    ``{since...}``, or where a catch-up pages back."""
    catchup: Catchup | None = None
    """An HTTP request that brings what was missed."""
    snapshot: bool = False
    """The server sends all that it holds at every connect, so that nothing it still
    holds is missed."""


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


class Send(Table, frozen=True, kw_only=True):
    """How a message is sent: as a frame, or by HTTP.

    Templates may use ``{type}``, ``{payload}``, ``{id}`` and every field of the
    payload as ``{payload.title}``.
    """

    frame: Template = None
    """The frame."""
    ack: Ack | None = None
    """How the server acknowledges it; without it, a WebSocket ping shows that it was
    read."""
    http: Steps | None = None
    """One or several requests instead of a frame; the last one sends the message."""


class Style(Table, frozen=True, kw_only=True):
    """How notifications of one type look, unless the user's settings say otherwise."""

    mark: str = "•"
    """One character in front."""
    colour: str = "default"
    """A colour of the terminal's palette."""
    label: str = "View"
    """The words of its link."""
    link: str | None = None
    """Where the label leads when the notification has no link."""


class Profile(Table, frozen=True, kw_only=True):
    """How one kind of server speaks."""

    name: ProfileName
    """Lower-case letters, digits and hyphens; part of whose tokens are whose."""
    description: str = ""
    """One sentence for ``notifyws profile list``."""
    tried: str = ""
    """What it was tried against: a server and its version, or nothing."""
    constants: dict[Name, str | int | bool] = _table()
    """Variables with a value, which ``NOTIFYWS_VARIABLES`` may override."""
    needs: dict[Name, str] = _table()
    """Variables without a value that the user must give, each with what it is."""
    http: Http = Http()
    """The HTTP side."""
    tokens: Tokens | None = None
    """Where the tokens are in its answers."""
    socket: Socket = Socket()
    """The WebSocket side."""
    handshake: tuple[Handshake, ...] = ()
    """What is said after the socket is open."""
    rules: tuple[Rule, ...]
    """What arriving frames mean; the first that fits wins."""
    keepalive: Keepalive = Keepalive()
    """Pings, and how long silence may last."""
    renewal: Renewal = Renewal()
    """What to do before the token ends."""
    closes: dict[Closes, VerdictName] = _table()
    """Close code, range of codes, or code and words of the reason (``"1001 410
    Gone"``) to what it means, before the general table."""
    statuses: dict[Codes, VerdictName] = _table()
    """The same for the HTTP status of a refused upgrade."""
    resume: Resume | None = None
    """How a reconnect asks for what was missed."""
    send: Send | None = None
    """How a message is sent."""
    types: dict[str, Style] = _table()
    """How notifications of each type look."""


def trusted(written: dict[str, Any]) -> Profile:
    """Return a profile that is known to be right, without looking at it again.

    For those that come with the product, which the tests have validated: what
    validates the others takes 100 ms to import.
    """
    return convert(written, Profile)
