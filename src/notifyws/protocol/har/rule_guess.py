"""What arrived, as rules: pings and answers by kind, notifications by their fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from notifyws.config.toml_text import quoted
from notifyws.protocol.draft import NAMES, notification_rule
from notifyws.protocol.har.conversation import Conversation
from notifyws.protocol.har.frame_kinds import Kind, kind_of
from notifyws.protocol.har.secrets import Secrets
from notifyws.protocol.har.values import (
    LONGEST_PATH,
    expression,
    inline,
    last_name,
    leaves,
)

MOST_RULES = 30
SAMPLES = 20
"""Frames of one kind that are compared."""
ERROR = re.compile(r"(?i)error|fail|denied|invalid")
TOLD = {*NAMES["title"], *NAMES["message"]}
"""Names of what a notification is for."""


def kinds_of(talk: Conversation, secrets: Secrets) -> dict[Kind, list[Any]]:
    """Return what arrived by itself, by its kind; the most frequent first."""
    found: dict[Kind, list[Any]] = {}
    for frame in talk.arrived:
        found.setdefault(kind_of(frame.value, secrets), []).append(frame.value)
    ordered = sorted(found.items(), key=lambda each: -len(each[1]))
    return dict(ordered[:MOST_RULES])


def notifications(kinds: dict[Kind, list[Any]]) -> list[Kind]:
    """Return the kinds that are notifications, as far as their fields show it."""
    usual = [kind for kind in kinds if not ERROR.search(kind[1])]
    told = [kind for kind in usual if any(map(_tells, kinds[kind][:SAMPLES]))]
    return told or usual


def _tells(value: Any) -> bool:
    """Return whether a frame holds something to read beside its own kind."""
    return any(
        last_name(path) in TOLD
        and isinstance(leaf, str)
        and len(path) > 1 - (leaf != "")
        for path, leaf in leaves(value)
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
        yield from ["[[rules]]", _match(talk.pong), 'then = "pong"', ""]
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


def _ping(kind: Kind, answer: Any) -> Iterator[str]:
    yield from ["[[rules]]", _match(kind)]
    if answer is None:
        yield from ["# The server's sign of life; the page did not answer it.", IGNORE]
    else:
        yield from ['then = "ping"', f"reply = {inline(answer)}"]
    yield ""


IGNORE = 'then = "ignore"'


def _error(kind: Kind, frame: Any) -> Iterator[str]:
    yield from ["[[rules]]", _match(kind), 'then = "error"']
    for path, leaf in leaves(frame):
        place = expression(path)
        if isinstance(leaf, str) and last_name(path) in NAMES["message"]:
            if len(place) <= LONGEST_PATH:
                yield f"message = {quoted(place)}"
            break
    yield ""


def _ignored(
    talk: Conversation, kinds: dict[Kind, list[Any]], wanted: Sequence[Kind]
) -> Iterator[str]:
    left = [kind for kind in kinds if kind not in wanted and not ERROR.search(kind[1])]
    if left:
        yield "# ? These came too. Is one of them a notification? Then change its rule."
    for kind in left:
        yield from ["[[rules]]", _match(kind), IGNORE, ""] if kind[0] else []
    told = [kind for kind in talk.answers if kind not in (*wanted, *left)]
    if told:
        yield "# Answers to what was sent."
    for kind in told:
        yield from ["[[rules]]", _match(kind), IGNORE, ""]


def _match(kind: Kind) -> str:
    return f"match = {inline({kind[0]: kind[1]})}"
