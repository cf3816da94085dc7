"""What no single key of a profile shows: keys without effect, names that lead nowhere.

Whatever a profile says is either used or refused; what is allowed and looks like a
slip is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from notifyws.config.validation import nearest
from notifyws.protocol.expressions import names
from notifyws.protocol.field_values import ORDER
from notifyws.protocol.profile import Profile
from notifyws.protocol.templates import variables_of

KNOWN = {
    *("username", "password", "access_token", "refresh_token", "authorization"),
    "origin",
    *("last_id", "since", "resuming", "following", "before"),
    *("uuid", "now", "seq", "several"),
    *("type", "payload", "id"),
}
"""Variables that need no declaration."""
EXPRESSIONS = {
    *("when", "expect", "ok", "code", "message", "id", "items", "children", "keep"),
    *("start", "end", "only_if", "unless"),
}
"""Keys that hold expressions and no templates."""
TEMPLATES = {
    *("body", "form", "send", "frame", "first_frame", "reply"),
    *("headers", "query", "cookies"),
}
"""Tables whose keys are the server's, and hold templates."""

_Loc = tuple[Any, ...]
_Table = Mapping[str, Any]


class Finding(Struct, frozen=True):
    """Something about a key: where it stands, what is wrong, and what to do."""

    loc: _Loc
    message: str
    hint: str


class _Condition(Struct, frozen=True):
    """Keys of a table that have no effect unless something else is said there."""

    table: str
    keys: tuple[str, ...]
    holds: Callable[[_Table], Any]
    needs: str


_MAPPING = (
    *("items", "values", "children", "keep", "fields", "text", "words"),
    *("timestamp", "base64", "encoding"),
)
_AWAITING = ("fail", "capture", "timeout", "closed", "deliver", "optional")
_BY_FRAME = ("frame", "ok", "fail", "timeout")


def _says(*keys: str) -> Callable[[_Table], bool]:
    return lambda table: not {*table}.isdisjoint(keys)


def _is(key: str, *values: str) -> Callable[[_Table], bool]:
    return lambda table: table.get(key) in values


_then = partial(_is, "then")


def _fields_of(mapping: _Table) -> set[str]:
    return {*mapping.get("fields", ()), *mapping.get("text", ())}


def _field(name: str) -> Callable[[_Table], bool]:
    return lambda table: name in _fields_of(table)


ENDINGS = ("unsubscribed", "error", "auth failed")
CONDITIONS = (
    _Condition("rules", ("reply",), _then("ping"), "then = 'ping'"),
    _Condition("rules", ("start", "end"), _then("gap"), "then = 'gap'"),
    _Condition("rules", ("id",), _then("error"), "then = 'error'"),
    _Condition("rules", ("means", "code"), _then(*ENDINGS), "then = 'unsubscribed'"),
    _Condition(
        "rules", ("message",), _then(*ENDINGS, "token expired"), "then = 'error'"
    ),
    _Condition("rules", _MAPPING, _then("notification"), "then = 'notification'"),
    *(
        _Condition(table, (key,), _field(name), f"a field {name}")
        for table in ("rules", "resume.catchup")
        for key, name in (("timestamp", "timestamp"), ("encoding", "data"))
    ),
    _Condition("handshake", _AWAITING, _says("expect"), "expect"),
    _Condition("handshake", ("optional",), lambda step: step.get("fail"), "fail"),
    _Condition("renewal", _BY_FRAME, _is("how", "frame"), "how = 'frame'"),
    _Condition("renewal", ("timeout",), _says("ok", "fail"), "ok"),
    _Condition("send", ("ack",), _says("frame"), "frame"),
    _Condition("resume", ("since_time",), _says("query", "header"), "query or header"),
    _Condition(
        "tokens", ("unit",), _says("expires_in", "refresh_expires_in"), "expires_in"
    ),
)
"""Which keys need what, so that none is without effect."""


def faults(profile: Profile, written: _Table) -> Iterator[Finding]:
    """Yield why a profile is refused whose every key is right by itself.

    ``written`` is the profile as TOML gives it.
    """
    for condition in CONDITIONS:
        for loc, table in _at(written, tuple(condition.table.split("."))):
            if not condition.holds(table):
                for key in condition.keys:
                    if key in table:
                        said = f"has no effect without {condition.needs}"
                        yield Finding((*loc, key), said, "take it out, or say that too")
    yield from _lacking(profile)
    yield from _of_no_field(written)
    yield from _unknown_variables(profile, written)


def _lacking(profile: Profile) -> Iterator[Finding]:
    socket, renewal, send = profile.socket, profile.renewal, profile.send
    resume = profile.resume
    if socket.token_in == "message" and not socket.first_frame:
        yield Finding(("socket", "token_in"), "needs socket.first_frame", "add it")
    if renewal.how == "frame" and not renewal.frame:
        yield Finding(("renewal", "how"), "needs renewal.frame", "add it")
    if profile.http.login is not None and profile.http.client_credentials is not None:
        said = "there is a login already"
        yield Finding(("http", "client_credentials"), said, "keep one of them")
    if profile.http.login is not None and profile.tokens is None:
        hint = "say where its answer holds the token: tokens.access"
        yield Finding(("http", "login"), "needs a table [tokens]", hint)
    if send is not None and (send.frame is None) == (send.http is None):
        yield Finding(("send",), "needs either frame or http", "and not both")
    for number, step in enumerate(profile.handshake):
        if step.send is None and step.expect is None and step.http is None:
            said = "neither sends, asks nor awaits anything"
            yield Finding(("handshake", number), said, "give it send or expect")
    if resume is not None and resume == type(resume)():
        yield Finding(("resume",), "says nothing", "add query, header or catchup")


def _of_no_field(written: _Table) -> Iterator[Finding]:
    """Yield words and encodings of fields that the mapping does not have."""
    for loc, table in _mappings(written):
        for key in ("words", "base64"):
            for name in {*table.get(key, ())} - _fields_of(table):
                said, hint = f"there is no field {name}", "name it in fields or text"
                yield Finding((*loc, key, name), said, hint)
    for loc, step in _tables(written):
        if "body" in step and "form" in step:
            yield Finding((*loc, "form"), "there is a body already", "keep one of them")


def _unknown_variables(profile: Profile, written: _Table) -> Iterator[Finding]:
    steps = [step for _, step in _tables(written)]
    captured = {name for step in steps for name in step.get("capture", ())}
    followed = profile.follow.variables if profile.follow else ()
    known = {*KNOWN, *profile.constants, *profile.needs, *captured, *followed}
    for loc, name in _uses(written):
        if name not in known:
            near = nearest(name, sorted(known))
            hint = f"did you mean {{{near}}}?" if near else "declare it in [needs]"
            yield Finding(loc, f"there is no variable {{{name}}}", hint)


def _unused_variables(profile: Profile, written: _Table) -> Iterator[Finding]:
    used: set[Any] = {name for _, name in _uses(written)}
    for _, table in _tables(written):
        used |= {table.get(key) for key in ("each", "only_with", "only_without")}
        used |= names(table["only_if"]) if "only_if" in table else set()
    for kind in ("constants", "needs"):
        for name in getattr(profile, kind):
            if name not in used:
                said = "is used nowhere"
                yield Finding((kind, name), said, f"say {{{name}}} where it belongs")


def warnings(profile: Profile, written: _Table) -> Iterator[Finding]:
    """Yield what is allowed in a profile, as TOML gives it, and looks like a slip."""
    for loc, table in _mappings(written):
        for key in ("fields", "text"):
            for name in table.get(key, ()):
                near = None if name in ORDER else nearest(name, ORDER)
                if near is not None:
                    said, hint = "is a field of its own", f"did you mean {near}?"
                    yield Finding((*loc, key, name), said, hint)
    ping = profile.keepalive.ping
    answered = any(rule.then == "pong" for rule in profile.rules)
    if ping is not None and ping.answer_within is not None and not answered:
        said, hint = "no rule knows the answer", "add one with then = 'pong'"
        yield Finding(("keepalive", "ping", "answer_within"), said, hint)
    yield from _unused_variables(profile, written)


def _uses(written: _Table) -> Iterator[tuple[_Loc, str]]:
    """Yield every use of a variable in a template."""
    skipped = ("rules", "constants", "needs", "types", "tokens")
    for loc, text in _within(written):
        if not isinstance(text, str) or "capture" in loc:
            continue
        if loc[0] in skipped and "reply" not in loc:
            continue
        is_expression = loc[-1] in EXPRESSIONS or {"fields", "text", "base64"} & {*loc}
        if is_expression and not TEMPLATES & {*loc[1:-1]}:
            continue
        for name in variables_of(text):
            yield loc, name


def _mappings(written: _Table) -> list[tuple[_Loc, _Table]]:
    """Return the tables that say how notifications are read."""
    return [*_at(written, ("rules",)), *_at(written, ("resume", "catchup"))]


def _at(value: Any, path: tuple[str, ...]) -> Iterator[tuple[_Loc, _Table]]:
    """Yield the tables that stand at a path, each of an array of them."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, Mapping):
        yield path, value
    for number, table in enumerate(value if isinstance(value, list) else ()):
        yield (*path, number), table


def _tables(written: _Table) -> Iterator[tuple[_Loc, _Table]]:
    return (each for each in _within(written) if isinstance(each[1], Mapping))


def _within(value: Any, loc: _Loc = ()) -> Iterator[tuple[_Loc, Any]]:
    """Yield a value and all that is inside it, each with where it stands."""
    yield loc, value
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, inner in inside:
        yield from _within(inner, (*loc, key))
