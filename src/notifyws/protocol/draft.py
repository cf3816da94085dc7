"""A first profile for a server, drafted from a few answers and one sample frame.

What the frame's fields mean is guessed (``notification_guess``); the draft says so in
its comments, for somebody to correct.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from notifyws.config.toml_text import quoted
from notifyws.protocol.notification_guess import notification_rule


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
        f"#     notifyws profile check {answers.name} --url wss://host",
        f"name = {quoted(answers.name)}",
        'description = "drafted by notifyws profile new"',
        "",
        *_login(answers),
        "[socket]",
        *([f"path = {quoted(answers.socket_path)}"] if answers.socket_path else []),
        f"token_in = {quoted(answers.token_in)}",
        *_first_frame(answers),
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
