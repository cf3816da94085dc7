"""``[[routes]]`` of a TOML file: read, checked whole, mistakes shown where they are.

Everything that can be known before anything arrives is checked here: whether there is
such a command, whether a URL can be used, whether an expression can be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from notifyws.config.config_file import parsed_toml
from notifyws.config.files import read_text_file
from notifyws.config.toml_text import located
from notifyws.config.validation import nearest
from notifyws.delivery.targets import (
    HOW,
    DeliveryTargets,
    Quiet,
    Route,
    Timing,
    apprise_url,
    is_header,
    secret_of,
)
from notifyws.errors import ConfigurationError, NotifyError
from notifyws.protocol.expressions import of_option
from notifyws.protocol.since import parse_duration

BESIDE = ("default_server", "servers", "settings", "types")
"""What else ``config.toml`` holds."""
NAME = r"(?a)[A-Za-z0-9][\w.-]{0,31}"
LONGEST_DIGEST = 86400.0
"""Seconds that a digest may gather."""
EXAMPLE = '[[routes]] with when = ["trip_update"] and exec = "notify-team" below it'
WHEN = 'as in when = ["trip_update"] or when = "data.status == \'STARTED\'"'


class _Wrong(Exception):
    """A value cannot be used: why, and what to write."""

    def __init__(self, message: str, hint: str, *below: str | int) -> None:
        super().__init__(message)
        self.message, self.hint, self.below = message, hint, below


class _Key(Struct, frozen=True):
    """A key of a route.

    Args:
        read: returns its value as it is used; raises what is wrong with it.
        hint: what may be written.
        target: the field of :class:`DeliveryTargets` that it is, if it is one.
    """

    read: Callable[[Any], Any]
    hint: str
    target: str = ""


def load_routes(path: Path | str) -> tuple[Route, ...]:
    """Return the routes that a file holds, in their order.

    Args:
        path: a TOML file with ``[[routes]]``, ``config.toml`` or one of their own.

    Raises:
        ConfigurationError: it cannot be read, holds none, or one of them is wrong;
            says file, line, column and key, and what to write.
    """
    path = Path(path)
    text = read_text_file(path)
    written = parsed_toml(text, path)

    def wrong(loc: tuple[Any, ...], message: str, hint: str) -> ConfigurationError:
        line, column = located(text, loc)
        dotted = ".".join(map(str, loc))
        return ConfigurationError(f"{path}:{line}:{column}: {dotted}: {message}", hint)

    for key in written.keys() - {"routes", *BESIDE}:
        near = nearest(key, ["routes"])
        hint = "did you mean routes?" if near else f"add {EXAMPLE}"
        raise wrong((key,), f"unknown key {key!r}", hint)
    tables = written.get("routes", [])
    if not isinstance(tables, list) or not all(isinstance(x, dict) for x in tables):
        raise wrong(("routes",), "must be an array of tables", f"write {EXAMPLE}")
    if not tables:
        raise ConfigurationError(f"{path} holds no [[routes]]", f"add {EXAMPLE}")
    routes: dict[str, Route] = {}
    for number, table in enumerate(tables):
        try:
            route = _route(table, f"route{number + 1}")
            if route.name in routes:
                again = f"another route is named {route.name!r}"
                raise _Wrong(again, "give each a name of its own", "name")
        except _Wrong as error:
            loc = ("routes", number, *error.below)
            raise wrong(loc, error.message, error.hint) from None
        routes[route.name] = route
    return tuple(routes.values())


def _route(table: Mapping[str, Any], name: str) -> Route:
    for key in table:
        if key not in KEYS:
            near = nearest(key, KEYS)
            hint = f"did you mean {near}?" if near else f"known: {', '.join(KEYS)}"
            raise _Wrong(f"unknown key {key!r}", hint, key)
    said = {key: _value(key, value) for key, value in table.items()}
    for key in ("headers", "sign_secret"):
        if key in said and "forward_to" not in said:
            raise _Wrong("goes with forward_to", "add forward_to, or leave it out", key)
    named = {KEYS[key].target: value for key, value in said.items()}
    named.pop("", None)
    targets = DeliveryTargets(**named)
    stop = said.get("stop", False)
    if not targets.anybody and not stop:
        *some, last = (k for k, how in KEYS.items() if how.target not in {"", *HOW})
        add = f"add {', '.join(some)} or {last}; or stop = true, to drop it"
        raise _Wrong("hands on to nobody", add)
    timing = Timing(said.get("quiet"), said.get("digest", 0.0))
    return Route(
        said.get("name", name),
        said.get("when", ()),
        targets,
        stop,
        timing if timing != Timing() else None,
    )


def _value(key: str, value: Any) -> Any:
    how = KEYS[key]
    try:
        return how.read(value)
    except NotifyError as error:
        said = error.message.removeprefix(f"{key}: ").removeprefix(f"{key} ")
        raise _Wrong(said, error.hint or how.hint, key) from None
    except ValueError as error:
        raise _Wrong(str(error), how.hint, key) from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError("must be text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _named(value: Any) -> str:
    if not re.fullmatch(NAME, _text(value)):
        raise ValueError("must have 1 to 32 letters, digits, dots, _ and -")
    return str(value)


def _when(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(x, str) for x in value):
        return tuple(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a list of types or a JMESPath expression")
    of_option(value, "when", WHEN)
    return value


def _command(value: Any) -> str:
    from notifyws.delivery.sinks.exec import argv_of

    argv_of(_text(value), "exec")
    return str(value)


def _target(value: Any) -> str:
    from notifyws.delivery.sinks.forward import checked_target

    return checked_target(_text(value), "forward_to")


def _headers(value: Any) -> Mapping[str, str]:
    from notifyws.delivery.sinks.forward import checked_headers

    if not isinstance(value, dict):
        raise ValueError("must be a table")
    for name, text in value.items():
        if not (isinstance(text, str) and is_header(name, text)):
            raise ValueError(f"no header can be {name!r} with this value")
    return checked_headers(value, "headers")


def _services(value: Any) -> tuple[str, ...]:
    from notifyws.delivery.sinks.apprise import client_of

    said = value if isinstance(value, list) and value else [value]
    urls = tuple(apprise_url(_text(each), "apprise") for each in said)
    for url in urls:
        client_of(url, "apprise")
    return urls


def _span(text: str) -> float:
    seconds = parse_duration(text, "digest")
    if not 0 < seconds <= LONGEST_DIGEST:
        raise ValueError("must be more than 0 s, and a day at most")
    return seconds


KEYS: Mapping[str, _Key] = {
    "name": _Key(_named, 'as in name = "team"'),
    "when": _Key(_when, WHEN),
    "exec": _Key(_command, 'as in exec = "notify-team --urgent"', "command"),
    "forward_to": _Key(_target, 'as in forward_to = "https://host/path"', "url"),
    "headers": _Key(_headers, 'as in headers = { X-Key = "1" }', "headers"),
    "sign_secret": _Key(
        lambda value: secret_of(_text(value), "sign_secret"),
        'name a variable, as in sign_secret = "HOOK_SECRET"',
        "secret",
    ),
    "notify": _Key(_flag, "as in notify = true", "desktop"),
    "tee": _Key(_text, 'name a file, as in tee = "trips.jsonl"', "tee"),
    "apprise": _Key(
        _services,
        'a URL or a variable, or a list of them, as in apprise = "TEAM"',
        "apprise",
    ),
    "stop": _Key(_flag, "as in stop = true"),
    "quiet": _Key(lambda value: Quiet.of(_text(value)), 'as in quiet = "22:00-07:00"'),
    "digest": _Key(lambda value: _span(_text(value)), 'as in digest = "10m"'),
}
"""The keys of a route, and how each is read."""
