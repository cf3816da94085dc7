"""What a frame says of itself: which kind it is, and which number it has."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from notifyws.protocol.har.recording import Frame
from notifyws.protocol.har.secrets import Secrets
from notifyws.protocol.har.values import is_plain

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
            if all(a < b for a, b in pairwise(numbers)):
                return name
    return ""
