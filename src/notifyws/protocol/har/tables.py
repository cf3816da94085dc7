"""The tables and rules of a profile that a recording shows, as lines of TOML.

Pings and answers are known by their kind, notifications by their fields. A comment
that begins with ``# ?`` says what the recording did not tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from notifyws.config.toml_text import quoted
from notifyws.protocol.draft import NAMES, notification_rule
from notifyws.protocol.har.conversation import Conversation
from notifyws.protocol.har.frame_kinds import Kind
from notifyws.protocol.har.login_steps import DraftStep, Login
from notifyws.protocol.har.recording import SocketLog
from notifyws.protocol.har.secrets import Secrets
from notifyws.protocol.har.sockets import Placed
from notifyws.protocol.har.values import (
    LONGEST_PATH,
    expression,
    inline,
    last_name,
    leaves,
    own_headers,
    texts,
)
from notifyws.protocol.har.variables import Variables

SINCE = ("since", "after", "last_id", "lastId", "lastEventId", "last_event_id")
"""Query parameters that say what was seen last."""
SAMPLES = 20
"""Frames of one kind that are compared."""
ERROR = re.compile(r"(?i)error|fail|denied|invalid")
TOLD = {*NAMES["title"], *NAMES["message"]}
"""Names of what a notification is for."""
IGNORE = 'then = "ignore"'


def variable_lines(variables: Variables) -> Iterator[str]:
    """Yield what a user says, and what a user may say."""
    if variables.needs:
        yield "# ? The page said these: they are secret, or not everybody's. Say them"
        yield "# in NOTIFYWS_VARIABLES, or write into [constants] what is constant."
        yield "[needs]"
        for name, what in variables.needs.items():
            yield f"{name} = {quoted(what)}"
        yield ""
    if variables.constants:
        yield "# What NOTIFYWS_VARIABLES may override."
        yield "[constants]"
        for name, value in variables.constants.items():
            yield f"{name} = {quoted(value)}"
        yield ""


def login_lines(login: Login) -> Iterator[str]:
    """Yield how to log in, to refresh and to log out."""
    if not login.steps:
        yield "# ? No login was recorded: log out and record again from there, or set"
        yield "# NOTIFYWS_TOKEN to a ready-made token."
        yield ""
        return
    for step in login.steps:
        yield "[http.login]" if len(login.steps) == 1 else "[[http.login]]"
        yield from _step(step)
    yield from _refresh(login)
    if login.logout is not None:
        yield from ["[http.logout]", *_step(login.logout)]
    if login.failed is not None and login.failed[0] != 401:
        status, place = login.failed
        yield from ["[[http.failures]]", f'status = "{status}"']
        yield 'means = "bad credentials"'
        yield from [f"message = {quoted(place)}"] if place else []
        yield ""


def _refresh(login: Login) -> Iterator[str]:
    if login.refresh is None:
        yield "# ? No refresh was recorded. If there are refresh tokens:"
        yield "# [http.refresh]"
        yield '# path = "/auth/refresh"'
        yield '# body = { refresh_token = "{refresh_token}" }'
        yield ""
    elif login.by_cookie or "refresh" not in login.tokens:
        yield "# ? The page renewed its session and no refresh token was recorded,"
        yield "# as where a cookie holds it: here, expiry means a new login."
        yield ""
    else:
        yield from ["[http.refresh]", *_step(login.refresh)]


def token_lines(tokens: Mapping[str, str]) -> Iterator[str]:
    """Yield where answers hold the tokens."""
    yield "[tokens]"
    yield from (f"{key} = {quoted(said)}" for key, said in tokens.items())
    if not {"expires_in", "expires_at"} & {*tokens}:
        yield "# ? How long it lives was not said (a JWT says so itself). In seconds:"
        yield "# lifetime = 900"
    yield ""


def socket_lines(
    socket: SocketLog,
    placed: Placed | None,
    token_in: str,
    said: Variables,
    later: Variables,
    *,
    split: bool,
) -> Iterator[str]:
    """Yield how the socket is opened.

    Args:
        later: writes those of what has a secret only where there is no token yet.
    """
    opened, place = socket.opened, token_in.partition(":")[2]
    yield "[socket]"
    yield f"path = {quoted(later.path(opened.path))}"
    yield f"token_in = {quoted('none' if token_in == 'message' else token_in)}"
    header = placed.header if placed else ""
    if placed is not None and header:
        yield f"header = {quoted(header.title())}"
        before = said.text(placed.before, "before_token")
        yield f"token = {quoted(before + '{access_token}')}"
    since = [name for name in opened.query if name in SINCE]
    query = {n: v for n, v in opened.query.items() if n not in (place, *since)}
    if query := said.table(query, channels=True):
        yield f"query = {inline(query)}"
    headers = {n: v for n, v in own_headers(opened).items() if n != header}
    if headers := said.table(headers):
        yield f"headers = {inline(headers)}"
    beside = () if placed is None else (place, placed.value)
    is_there = token_in.startswith("subprotocol:")
    offered = [e for e in socket.subprotocols if not (is_there and e in beside)]
    if offered := [later.subprotocol(each) for each in offered]:
        yield f"subprotocols = {inline(offered)}"
    if any(each.several for each in socket.frames):
        yield 'frames = "json lines"'
    if split:
        yield "split_lists = true"
    if since:
        yield from ["", "[resume]", f"query = {quoted(since[0])}"]
    else:
        yield "# ? If a reconnect can ask for what was missed, say how in [resume]."


def handshake_lines(talk: Conversation) -> Iterator[str]:
    """Yield what is said before the socket counts as connected."""
    for step in talk.steps:
        yield from ["", "[[handshake]]"]
        yield from [f"each = {quoted(step.each)}"] if step.each else []
        if step.send is not None:
            yield f"send = {inline(step.send)}"
        if step.expect:
            yield f"expect = {quoted(step.expect)}"
            if step.send is not None:
                yield '# ? fail = [{ when = "...", message = "..." }]    # its refusal'
        if step.capture:
            yield f"capture = {inline(step.capture)}"
    if talk.left_out:
        shown = ", ".join(talk.left_out[:20])
        yield from [
            "",
            f"# ? The page sent these too, later; they are left out: {shown}",
        ]
    yield ""


def later_lines(talk: Conversation) -> Iterator[str]:
    """Yield how a line is kept alive, and how a token is renewed on it."""
    if talk.ping is not None:
        send, every = talk.ping
        yield from ["", "[keepalive.ping]", f"send = {inline(send)}"]
        yield from [f"every = {every:g}"] if every else []
        yield from ["answer_within = 10"] if talk.pong else []
    elif talk.silence:
        yield from ["", "[keepalive]", f"silence = {talk.silence:g}"]
    if talk.renewed is not None:
        yield from ["", "[renewal]", 'how = "frame"']
        yield f"frame = {inline(talk.renewed)}"


def _step(step: DraftStep) -> Iterator[str]:
    yield from (f"{key} = {inline(value)}" for key, value in step.keys.items())
    if step.capture:
        yield f"capture = {inline(step.capture)}"
    yield ""


def notifications(kinds: dict[Kind, list[Any]]) -> list[Kind]:
    """Return the kinds that are notifications, as far as their fields show it."""
    usual = [kind for kind in kinds if not ERROR.search(kind[1])]
    told = [kind for kind in usual if any(map(_tells, kinds[kind][:SAMPLES]))]
    return told or usual


def _tells(value: Any) -> bool:
    """Return whether a frame holds something to read beside its own kind."""
    return any(
        last_name(path) in TOLD and len(path) > 1 - (leaf != "")
        for path, leaf in texts(value)
    )


def rule_lines(
    talk: Conversation,
    kinds: dict[Kind, list[Any]],
    wanted: Sequence[Kind],
    secrets: Secrets,
) -> Iterator[str]:
    """Yield the lines of all rules."""
    for kind, answer in talk.server_pings.items():
        yield from _ping(kind, answer)
    if talk.pong is not None:
        yield from _rule(talk.pong, 'then = "pong"')
    for kind, frames in kinds.items():
        if kind not in wanted and ERROR.search(kind[1]):
            yield from _error(kind, frames[0])
    yield from _ignored(talk, kinds, wanted)
    yield from _notifications(talk, kinds, wanted, secrets)


def _notifications(
    talk: Conversation,
    kinds: dict[Kind, list[Any]],
    wanted: Sequence[Kind],
    secrets: Secrets,
) -> Iterator[str]:
    """Yield a rule for each kind, or one for all where they are alike."""
    samples = {
        kind: [each for each in kinds[kind][:SAMPLES] if not _private(each, secrets)]
        for kind in wanted
    }
    alike = {tuple(notification_rule(each)) for each in samples.values()}
    only = len({*kinds, *talk.answers, *talk.server_pings}) == 1 and talk.pong is None
    if len(alike) == 1 and (only or len(wanted) > 1):
        yield from [*alike.pop(), ""]
        return
    for kind in sorted(wanted, key=lambda each: each[0] == ""):
        match = [_match(kind)] if kind[0] else []
        yield from [*notification_rule(samples[kind], match), ""]
    if ("", "") not in wanted:
        yield "# What no rule fits is said to be invalid, until you pass over it:"
        yield from ["# [[rules]]", f"# {IGNORE}"]


def _private(value: Any, secrets: Secrets) -> bool:
    """Return whether the names in a frame hold a secret: none of them is shown."""
    return any(
        isinstance(step, str) and (len(step) > LONGEST_PATH or secrets.hides(step))
        for path, _ in leaves(value)
        for step in path
    )


def _ping(kind: Kind, answer: Any) -> list[str]:
    if answer is None:
        unanswered = "# The server's sign of life; the page did not answer it."
        return _rule(kind, unanswered, IGNORE)
    return _rule(kind, 'then = "ping"', f"reply = {inline(answer)}")


def _error(kind: Kind, frame: Any) -> list[str]:
    places = (
        expression(path)
        for path, _ in texts(frame)
        if last_name(path) in NAMES["message"]
    )
    place = next(places, "")
    said = [f"message = {quoted(place)}"] if 0 < len(place) <= LONGEST_PATH else []
    return _rule(kind, 'then = "error"', *said)


def _ignored(
    talk: Conversation, kinds: dict[Kind, list[Any]], wanted: Sequence[Kind]
) -> Iterator[str]:
    left = [kind for kind in kinds if kind not in wanted and not ERROR.search(kind[1])]
    if left:
        yield "# ? These came too. Is one of them a notification? Then change its rule."
    for kind in left:
        yield from _rule(kind, IGNORE) if kind[0] else []
    told = [kind for kind in talk.answers if kind not in (*wanted, *left)]
    if told:
        yield "# Answers to what was sent."
    for kind in told:
        yield from _rule(kind, IGNORE)


def _rule(kind: Kind, *lines: str) -> list[str]:
    return ["[[rules]]", _match(kind), *lines, ""]


def _match(kind: Kind) -> str:
    return f"match = {inline({kind[0]: kind[1]})}"
