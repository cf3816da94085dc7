"""What a profile can say: the model behind every ``profiles/*.toml``.

A profile is data. It is validated whole before anything is sent, unknown keys are
errors, and no part of it can name a host, a file or a command. Here is the profile
itself; the HTTP side's tables are in ``profile_http``, the socket's in
``profile_socket``, what a value must be in ``profile_schema``.
Who uses a profile imports all tables from here.

The text under each field is its reference documentation; it is printed for people
and stands in the JSON Schema for editors.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from notifyws.config.validation import nearest, trimmed
from notifyws.errors import ConfigurationError, command
from notifyws.protocol.profile_http import (
    ClientCredentials,
    Device,
    Failure,
    Http,
    Steps,
    Tokens,
)
from notifyws.protocol.profile_schema import (
    Closes,
    Codes,
    Expression,
    Meaning,
    Name,
    Pages,
    ProfileName,
    Table,
    Template,
    Text,
    VerdictName,
    table,
)
from notifyws.protocol.profile_socket import (
    Ack,
    AppPing,
    Failing,
    FieldMapping,
    Handshake,
    Keepalive,
    Renewal,
    Rule,
    Socket,
    Step,
)

__all__ = [
    "Ack",
    "AppPing",
    "Catchup",
    "ClientCredentials",
    "Device",
    "Failing",
    "Failure",
    "FieldMapping",
    "Follow",
    "Handshake",
    "Http",
    "Keepalive",
    "Meaning",
    "Profile",
    "Renewal",
    "Resume",
    "Rule",
    "Send",
    "Socket",
    "Step",
    "Style",
    "Tokens",
    "given_variables",
]

_PAIR = r"(?<![a-z0-9_])([a-z][a-z0-9_]*)=(\"[^\"]*\"|'[^']*'|[^\s,\"']*)"


class Catchup(FieldMapping, frozen=True, kw_only=True):
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
    unless: Expression | None = None
    """True for variables with which not all of it can be asked for, as in
    ``contains(channel, ',')``: each interruption is a gap then."""
    unknown_id: Literal["nothing", "all"] = "nothing"
    """What the server sends for an id that it does not know: nothing of before, or all
    that it keeps. Then, and where a catch-up pages back, what is dated before this
    listener began is not new: the server's own clock should say so, no publisher's."""

    @property
    def asks(self) -> bool:
        """Whether a reconnect asks: a snapshot comes unasked."""
        return bool(self.query or self.header or self.by_template or self.catchup)


class Follow(Table, frozen=True, kw_only=True):
    """What frames say of the place in streams that the server numbers by itself.

    The variables keep their values from one connection to the next, for the socket's
    tables and the handshake; ``{following}`` is set where all of them are known.
    """

    variables: dict[Name, Expression]
    """Variables, each with where a frame holds its value; a frame that holds none
    changes nothing."""
    stream: Expression | None = None
    """Where a frame says which stream it is about, where each has a place of its own;
    a step's answer is about the value of its ``each``."""
    kept: Expression | None = None
    """True for an answer of such a step that brought all that was missed."""
    lost: Expression | None = None
    """True for a frame of the handshake by which what was missed is lost: a gap."""


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
    constants: dict[Name, str | int | bool] = table()
    """Variables with a value, which ``NOTIFYWS_VARIABLES`` may override."""
    needs: dict[Name, str] = table()
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
    unique_ids: bool = True
    """What comes with an id that was shown before is a duplicate, and not shown again.
    ``false`` where the server repeats nothing, so that an id that comes again is news:
    more about the same order, say."""
    keepalive: Keepalive = Keepalive()
    """Pings, and how long silence may last."""
    renewal: Renewal = Renewal()
    """What to do before the token ends."""
    closes: dict[Closes, VerdictName] = table()
    """Close code, range of codes, or code and words of the reason (``"1001 410
    Gone"``) to what it means, before the general table: ``retry`` (wait by the table
    of delays, then connect again), ``retry now`` (at once the first time, by the table
    when it repeats), ``renew`` (the token is not accepted: get another, connect at
    once; exit 4 where there is none), ``renew once`` (the token may be the reason;
    when it repeats with another one: exit 4), ``strike`` (retry, but stop at the third
    in a row), ``stop`` (nothing gets better by trying again: exit 5) or ``denied`` (no
    token helps: exit 4)."""
    statuses: dict[Codes, VerdictName] = table()
    """The same for the HTTP status of a refused upgrade, with the same values."""
    resume: Resume | None = None
    """How a reconnect asks for what was missed."""
    follow: Follow | None = None
    """The same, where the server numbers what it sends by itself."""
    send: Send | None = None
    """How a message is sent."""
    types: dict[str, Style] = table()
    """How notifications of each type look."""


def given_variables(profile: Profile, text: str) -> Mapping[str, Any]:
    """Return the profile's constants with what the user gave, as in ``a=b c="d e"``.

    Raises:
        ConfigurationError: one is missing, unknown, or cannot be read.
    """
    given = _pairs(text)
    all_of_them = {**profile.constants, **given}
    known = {k: v for k, v in all_of_them.items() if v != ""}
    for name, value in given.items():
        trimmed(value, name, "NOTIFYWS_VARIABLES", spaces=True)
    for name in given:
        if name not in profile.constants and name not in profile.needs:
            near = nearest(name, [*profile.constants, *profile.needs])
            see = command("profile", "show", profile.name)
            hint = f"did you mean {near}?" if near else see
            message = f"profile {profile.name} has no variable {name}"
            raise ConfigurationError(message, hint)
    for name, what in profile.needs.items():
        if not known.get(name):
            message = f"profile {profile.name} needs {name}: {what}"
            hint = f'set NOTIFYWS_VARIABLES="{name}=..."'
            if given:
                hint = f"add {name}=... to NOTIFYWS_VARIABLES"
            raise ConfigurationError(message, hint)
    return known


def _pairs(text: str) -> dict[str, str]:
    pairs = {name: value.strip("\"'") for name, value in re.findall(_PAIR, text)}
    rest = re.sub(_PAIR, "", text).strip(" ,\t\n")
    if rest:
        message = "NOTIFYWS_VARIABLES is not a list of name=value"
        raise ConfigurationError(message, 'as in: channel=news title="my own"')
    return pairs
