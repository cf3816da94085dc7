"""A first profile for a server, drafted from a few answers and one sample frame.

What the frame's fields mean is guessed from their names; the draft says so in its
comments, for somebody to correct. An id is guessed only where it can be the
notification's own: what has an id that came before is dropped, so that a wrong one
loses all but the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from msgspec import Struct

from notifyws.config.toml_text import quoted, shown
from notifyws.errors import command
from notifyws.models import as_text
from notifyws.protocol.expressions import compiled
from notifyws.protocol.since import MILLISECONDS

NAMES = {
    "type": ("type", "kind", "event", "event_type", "category", "severity", "level"),
    "title": ("title", "subject", "headline", "name", "summary", "topic", "path"),
    "message": ("message", "text", "body", "content", "description", "msg", "value"),
    "link": ("link", "url", "href", "click", "action_url"),
    "id": ("id", "uuid", "message_id", "notification_id", "_id", "uid"),
    "timestamp": (
        *("timestamp", "time", "created_at", "createdAt", "date", "sent_at"),
        *("time_fired", "ts", "at"),
    ),
}

DEEPEST = 5
"""Levels of a frame that are looked through for its notifications."""
OWN_IDS = ("uuid", "message_id", "notification_id")
"""Names of an id that belongs to nobody but the notification, wherever it stands."""
UNIQUE = (
    "# Each notification must have an id of its own: one that came before is dropped."
)
FIRST_FRAME = 'first_frame = { type = "auth", token = "{access_token}" }'

_Place = tuple[str, str, list[Any]]
"""Where notifications are, where they are in that, and those of a frame."""
_Way = tuple[tuple[str, ...], tuple[str, ...], list[Any]]
"""The same as keys: most of what a frame holds is never written as expressions."""


def notification_rule(frames: Sequence[Any], match: Sequence[str] = ()) -> list[str]:
    """Return the lines of a rule by which frames are notifications.

    Args:
        frames: values of one shape; none where nothing is known.
        match: lines that say which frames it is about; all of them without.
    """
    rule = ["[[rules]]", *match, 'then = "notification"']
    which = "Such a" if match else "Every"
    if not frames:
        return [f"# {which} frame is a notification as it is.", *rule]
    items, children, _ = place = _place(frames[0])
    found = list(chain.from_iterable(_found(frame, place) for frame in frames))
    fields = _fields(found[0] if found else {})
    if items not in ("", "@"):
        fields = {**_around(frames[0], items, children), **fields}
    path = fields.pop("id", "")
    inside = bool(items) and isinstance(compiled(items)(frames[0]), dict)
    is_own, remark = _own_id(path, found, inside=inside)
    if not items and fields.get("type") == "type" and (is_own or not path):
        return [f"# {which} frame is a notification as it is.", *remark, *rule]
    named = [f"{name} = {quoted(path)}" for name, path in fields.items()]
    unit = _unit(fields.get("timestamp"), found)
    return [
        "# Guessed from the sample; correct what is wrong.",
        *rule,
        *([f"items = {quoted(items)}"] if items else []),
        *([f"children = {quoted(children)}"] if children else []),
        *([f'timestamp = "{unit}"'] if unit else []),
        "[rules.fields]",
        *named,
        *remark,
        *([f"id = {quoted(path)}"] if is_own else []),
    ]


def _unit(place: str | None, found: Sequence[Any]) -> str:
    """Return what a timestamp that is a number counts; empty for no number."""
    value = compiled(place)(found[0]) if place and found else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return "ms" if value > MILLISECONDS else "s"


def _own_id(path: str, found: Sequence[Any], *, inside: bool) -> tuple[bool, list[str]]:
    """Return whether an id is a notification's own, and what is to be said of it.

    Args:
        path: where it is; empty where none is seen.
        found: notifications.
        inside: whether they are one object in a frame, which may be somebody's.
    """
    if not path:
        return False, []
    values = [as_text(compiled(path)(item)) for item in found]
    one = len(values) == 1
    if len({*values}) < len(values):
        return False, [
            f"# {shown(path)} is the same in two samples, so that it is no id."
        ]
    if path.rpartition(".")[2] not in OWN_IDS and ("." in path or (inside and one)):
        said = f"# id = {quoted(path)}    # if it is the notification's own, and no"
        return False, [UNIQUE, f"{said} sender's"]
    return True, [UNIQUE] if one else []


def _around(frame: Any, items: str, children: str) -> dict[str, str]:
    """Return where type and time are, if they are said once for several."""
    above = [("parent", frame)]
    if children:
        above = [("parent", _objects(compiled(items)(frame))[0]), ("frame", frame)]
    found: dict[str, str] = {}
    for field in ("type", "timestamp"):
        for place, value in above:
            known = (name for name in NAMES[field] if name in value)
            if (name := next(known, None)) and not isinstance(value[name], dict | list):
                found.setdefault(field, f"{place}.{dotted_key(name)}")
    return found


def _place(frame: Any) -> _Place:
    """Return where the notifications of a frame are: where most names are known."""
    if isinstance(frame, list):
        return "@", "", frame
    if not isinstance(frame, dict) or _score(frame) > 1:
        return "", "", [frame]
    places: list[_Way] = [((), (), [frame])]
    for key, value in frame.items():
        if not (elements := _objects(value)):
            continue
        places.append(((key,), (), elements))
        for inner, below in elements[0].items():
            if isinstance(below, list) and (children := _objects(below)):
                places.append(((key,), (inner,), children))
    places += _deeper(frame)
    above, inside, found = max(places, key=lambda place: _score(place[2][0]))
    return ".".join(map(dotted_key, above)), "".join(map(dotted_key, inside)), found


def _deeper(frame: dict[str, Any]) -> list[_Way]:
    """Return the places that are more than one level down, of objects alone."""
    places: list[_Way] = []
    level: list[tuple[tuple[str, ...], Any]] = [((), frame)]
    for depth in range(DEEPEST):
        level = [
            ((*path, key), value)
            for path, inner in level
            for key, value in inner.items()
            if isinstance(value, dict)
        ]
        places += [(path, (), [value]) for path, value in level if depth]
    return places


def _found(frame: Any, place: _Place) -> list[Any]:
    """Return the notifications of one more frame, at the place of the first."""
    items, children, _ = place
    found = compiled(items)(frame) if items else frame
    each = found if isinstance(found, list) else [found]
    if not children:
        return each
    below = (compiled(children)(one) for one in each)
    return [child for some in below if isinstance(some, list) for child in some]


def _objects(value: Any) -> list[dict[str, Any]]:
    objects = value if isinstance(value, list) else [value]
    return objects if objects and all(isinstance(x, dict) for x in objects) else []


def _score(item: dict[str, Any]) -> int:
    wanted = (*NAMES["title"], *NAMES["message"])
    return sum(name in item for name in wanted)


def _fields(item: Any) -> dict[str, str]:
    if not isinstance(item, dict):
        return {"message": "item"}
    known = {*chain.from_iterable(NAMES.values())}
    flat = {name: name for name in known & item.keys()}
    for name, value in item.items():
        for key in known & value.keys() if isinstance(value, dict) else ():
            flat.setdefault(key, f"{dotted_key(name)}.{key}")
    found = {
        field: next((flat[name] for name in names if name in flat), "")
        for field, names in NAMES.items()
    }
    return {field: path for field, path in found.items() if path}


def dotted_key(name: str) -> str:
    """Return a key as an expression names it."""
    plain = name.replace("_", "a").isalnum() and not name[0].isdigit()
    return name if plain and name.isascii() else json.dumps(name)


class Answers(Struct, frozen=True):
    """What is known of a server.

    Args:
        login_path: where to log in; empty for a ready-made token.
        username_key: the username's key in the login's body.
        password_key: the password's.
        token_path: where the answer holds the access token.
        token_in: where the socket takes it.
        socket_path: of the socket; empty for the URL's own.
        sample: one frame or several, as text; may be empty.
    """

    name: str
    login_path: str = ""
    username_key: str = "username"
    password_key: str = "password"
    token_path: str = "access_token"
    token_in: str = "header"
    socket_path: str = ""
    sample: str = ""


def draft(answers: Answers) -> str:
    """Return a commented profile as TOML text."""
    parts = [
        f"# How {answers.name} speaks. Try it with:",
        f"#     {command('profile', 'check', answers.name, '--url', 'wss://host')}",
        f"name = {quoted(answers.name)}",
        'description = "drafted by notifyws profile new"',
        "",
        *_login(answers),
        "[socket]",
        *([f"path = {quoted(answers.socket_path)}"] if answers.socket_path else []),
        f"token_in = {quoted(answers.token_in)}",
        *([FIRST_FRAME] if answers.token_in == "message" else []),
        "",
        *_rules(answers.sample),
    ]
    return "\n".join(parts) + "\n"


def _login(answers: Answers) -> list[str]:
    if not answers.login_path:
        return ["# No login: set NOTIFYWS_TOKEN to a ready-made token.", ""]
    username, password = quoted(answers.username_key), quoted(answers.password_key)
    return [
        "[http.login]",
        f"path = {quoted(answers.login_path)}",
        f'body = {{ {username} = "{{username}}", {password} = "{{password}}" }}',
        "# accept = [200, 201]      # if success has another status",
        "",
        "# [http.refresh]           # if there are refresh tokens",
        '# path = "/auth/refresh"',
        '# body = { refresh_token = "{refresh_token}" }',
        "",
        "[tokens]",
        f"access = {quoted(answers.token_path)}",
        '# refresh = "refresh_token"',
        '# expires_in = "expires_in"    # seconds; unit = "ms" for milliseconds',
        "",
    ]


def _rules(sample: str) -> list[str]:
    pings = [
        "# [[rules]]                # if the server pings with a frame of its own",
        '# match = { type = "ping" }',
        '# then = "ping"',
        '# reply = { type = "pong" }',
        "",
    ]
    return [*pings, *notification_rule(list(_values(sample)))]


def _values(sample: str) -> Iterator[Any]:
    """Yield the frames of a sample; none where it is no JSON."""
    decoder, rest = json.JSONDecoder(), sample.strip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            return
        yield value
        rest = rest[end:].strip()
