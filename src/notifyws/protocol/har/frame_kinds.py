"""What a frame says of itself: which kind it is, and which number it has.

And steps of a handshake: several that are alike as one, and answers that echo.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from notifyws.protocol.har.recording import MOST_FRAMES, Frame
from notifyws.protocol.har.secrets import Secrets
from notifyws.protocol.har.values import is_plain
from notifyws.protocol.har.variables import Variables
from notifyws.protocol.templates import variables_of

KINDS = (
    *("type", "op", "event", "action", "cmd", "command", "method", "kind", "msg"),
    *("messageType", "message_type", "msgType", "t", "operation", "name", "channel"),
)
"""Where frames say what kind they are."""
IDS = (
    *("id", "uid", "ref", "seq", "request_id", "requestId", "req_id", "reqId", "nonce"),
    *("message_id", "messageId", "cid", "correlation_id", "correlationId"),
)
"""Where a question has a number that its answer repeats."""
MOST_KINDS = 30
"""Kinds of which a profile has a rule."""
Kind = tuple[str, str]
"""Where a frame says what kind it is, and which; two empty texts where it does not."""


def kind_of(value: Any, secrets: Secrets) -> Kind:
    """Return what kind a frame says it is."""
    if not isinstance(value, dict):
        return ("", "")
    for name in KINDS:
        said = value.get(name)
        if isinstance(said, str) and is_plain(said) and not secrets.hides(said):
            return (name, said)
    return ("", "")


def by_kind(frames: Iterable[Frame], secrets: Secrets) -> dict[Kind, list[Any]]:
    """Return the values of frames by their kind; the most frequent first."""
    found: dict[Kind, list[Any]] = {}
    for frame in frames:
        found.setdefault(kind_of(frame.value, secrets), []).append(frame.value)
    ordered = sorted(found.items(), key=lambda each: -len(each[1]))
    return dict(ordered[:MOST_KINDS])


def split_frames(frames: Iterable[Frame], secrets: Secrets) -> tuple[list[Frame], bool]:
    """Return frames, each of a list where all have a kind, and whether any were one.

    Of what many lists hold, no more is looked at than of frames.
    """
    found: list[Frame] = []
    split = False
    for frame in frames:
        values = frame.value if isinstance(frame.value, list) else []
        if frame.sent or not values or not all(kind_of(v, secrets)[0] for v in values):
            found.append(frame)
            continue
        split = True
        found += [replace(frame, value=each) for each in values]
    return found[:MOST_FRAMES], split


def is_kind(path: tuple[str | int, ...]) -> bool:
    """Return whether a path leads to the kind of a frame."""
    return len(path) == 1 and path[0] in KINDS


def numbers_of(value: Any) -> set[tuple[str, Any]]:
    """Return the numbers of a frame, each with its key."""
    if not isinstance(value, dict):
        return set()
    found = {name: value.get(name) for name in IDS}
    return {(n, v) for n, v in found.items() if isinstance(v, str | int) and v != ""}


def numbered_by(frames: Iterable[Frame]) -> str:
    """Return the key by which all that was sent is numbered, if it is."""
    sent = [each.value for each in frames if each.sent and isinstance(each.value, dict)]
    for name in IDS:
        values = [str(each[name]) for each in sent if name in each]
        digits = all(each.isdecimal() and len(each) < 10 for each in values)
        if len(values) > 1 and digits:
            numbers = [int(each) for each in values]
            return name if all(a < b for a, b in pairwise(numbers)) else ""
    return ""


class HandshakeStep(Struct):
    """One step: the frame that is sent, and the one that ends it."""

    send: Any = None
    expect: str = ""
    each: str = ""
    capture: dict[str, str] = field(default_factory=dict)


def merged(steps: list[HandshakeStep], variables: Variables) -> list[HandshakeStep]:
    """Return the steps, one for several that differ in a constant alone."""
    merged: dict[str, tuple[HandshakeStep, str]] = {}
    for number, step in enumerate(steps):
        names = [n for n in variables_of(step.send) if n in variables.constants]
        shape = str(step.send).replace(f"{{{names[0]}}}", "{}") if names else number
        first, name = merged.setdefault(str(shape), (step, "".join(names[:1])))
        if first is step or len(names) != 1 or "," in variables.constants[names[0]]:
            if first is not step:
                merged[f"{shape} {number}"] = (step, "")
            continue
        first.each = name
        first.expect = first.expect or step.expect
        variables.constants[name] += f",{variables.constants.pop(names[0])}"
    return [step for step, _ in merged.values()]


def echoed(answer: Any, ping: Any, variables: Variables) -> Any:
    """Return what answers a ping; a number that it repeats is a counter's."""
    repeated = numbers_of(answer) & numbers_of(ping)
    counted = dict.fromkeys((key for key, _ in repeated), "{seq}")
    own = {key: value for key, value in answer.items() if key not in counted}
    made = variables.template(own) | counted
    return {key: made[key] for key in answer if key in made}
