"""A first profile for a server, drafted from a few answers and one sample frame.

What the frame's fields mean is guessed from the names that servers give them; the
draft says so in its comments, for somebody to correct.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

NAMES = {
    "type": ("type", "kind", "event", "event_type", "category", "severity", "level"),
    "title": ("title", "subject", "headline", "name", "summary", "topic"),
    "message": ("message", "text", "body", "content", "description", "msg"),
    "link": ("link", "url", "href", "click", "action_url"),
    "id": ("id", "uuid", "message_id", "notification_id", "_id", "uid"),
    "timestamp": (
        *("timestamp", "time", "created_at", "createdAt", "date", "sent_at"),
        *("time_fired", "ts", "at"),
    ),
}


class Answers(Struct, frozen=True):
    """What is known of a server.

    Args:
        name: of the profile.
        login_path: where to log in; empty for a ready-made token.
        username_key: the username's key in the login's body.
        password_key: the password's.
        token_path: where the answer holds the access token.
        token_in: where the socket takes it.
        socket_path: of the socket; empty for the URL's own.
        sample: one frame, as text; may be empty.
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
        f"#     notifyws profile check {answers.name} --url wss://host",
        f"name = {_quoted(answers.name)}",
        'description = "drafted by notifyws profile new"',
        "",
        *_login(answers),
        "[socket]",
        *([f"path = {_quoted(answers.socket_path)}"] if answers.socket_path else []),
        f"token_in = {_quoted(answers.token_in)}",
        *_first_frame(answers),
        "",
        *_rules(answers.sample),
    ]
    return "\n".join(parts) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


def _login(answers: Answers) -> list[str]:
    if not answers.login_path:
        return ["# No login: set NOTIFYWS_TOKEN to a ready-made token.", ""]
    username, password = _quoted(answers.username_key), _quoted(answers.password_key)
    return [
        "[http.login]",
        f"path = {_quoted(answers.login_path)}",
        f'body = {{ {username} = "{{username}}", {password} = "{{password}}" }}',
        "# accept = [200, 201]      # if success has another status",
        "",
        "# [http.refresh]           # if there are refresh tokens",
        '# path = "/auth/refresh"',
        '# body = { refresh_token = "{refresh_token}" }',
        "",
        "[tokens]",
        f"access = {_quoted(answers.token_path)}",
        '# refresh = "refresh_token"',
        '# expires_in = "expires_in"    # seconds; unit = "ms" for milliseconds',
        "",
    ]


def _first_frame(answers: Answers) -> list[str]:
    if answers.token_in != "message":
        return []
    return ['first_frame = { type = "auth", token = "{access_token}" }']


def _rules(sample: str) -> list[str]:
    pings = [
        "# [[rules]]                # if the server pings with a frame of its own",
        '# match = { type = "ping" }',
        '# then = "ping"',
        '# reply = { type = "pong" }',
        "",
    ]
    rule = ["[[rules]]", 'then = "notification"']
    try:
        frame = json.loads(sample)
    except ValueError:
        return [*pings, "# Every frame is a notification as it is.", *rule]
    where, item = _items(frame)
    fields = _fields(item)
    if not where and fields.get("type") == "type":
        return [*pings, "# Every frame is a notification as it is.", *rule]
    places = [f"items = {_quoted(where)}"] if where else []
    named = [f"{name} = {_quoted(path)}" for name, path in fields.items()]
    guess = "# Guessed from the sample; correct what is wrong."
    return [*pings, guess, *rule, *places, "[rules.fields]", *named]


def _items(frame: Any) -> tuple[str, Any]:
    """Return where the notifications are, and one of them."""
    if isinstance(frame, list):
        return "@", frame[0] if frame else {}
    if not isinstance(frame, dict) or _score(frame) > 1:
        return "", frame
    found = [
        (_score(one), key, one)
        for key, value in frame.items()
        for one in [value[0] if isinstance(value, list) and value else value]
        if isinstance(one, dict)
    ]
    best = max(found, key=lambda each: each[0], default=(0, "", frame))
    return (_key(best[1]), best[2]) if best[0] > _score(frame) else ("", frame)


def _score(item: dict[str, Any]) -> int:
    wanted = (*NAMES["title"], *NAMES["message"])
    return sum(name in item for name in wanted)


def _fields(item: Any) -> dict[str, str]:
    if not isinstance(item, dict):
        return {"message": "item"}
    flat = {name: _key(name) for name in item}
    for name, value in item.items():
        if isinstance(value, dict):
            inner = {key: f"{_key(name)}.{_key(key)}" for key in value}
            flat = {**inner, **flat}
    found = {
        field: next((flat[name] for name in names if name in flat), "")
        for field, names in NAMES.items()
    }
    return {field: path for field, path in found.items() if path}


def _key(name: str) -> str:
    plain = name.replace("_", "a").isalnum() and not name[0].isdigit()
    return name if plain and name.isascii() else json.dumps(name)
