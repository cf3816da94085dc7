"""What clients say, understood or refused, and what it looks like when passed on.

Pure: text in, values out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifyws.models import Message, as_text, strict_json

__all__ = [
    "LIMIT",
    "Hello",
    "Refused",
    "notification_fields",
    "published",
    "understand",
]

LIMIT = 64 * 1024
"""Bytes of the largest message that is taken."""

OPTIONAL = ("link", "data")
OPTIONAL_NAMES = frozenset(OPTIONAL)
TEXTS = ("title", "message", "link")
PUBLIC = ("title", "message", *OPTIONAL)
NOTHING: tuple[object, ...] = (None, "", {}, [])


@dataclass(frozen=True, slots=True)
class Hello:
    """A client's first frame, with its access token."""

    token: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame that is no message.

    Args:
        message: what is wrong with it.
        id: the frame's own top-level ``id``, if it had one, to tell which it was.
    """

    message: str
    id: str | int | None = None

    def frame(self) -> str:
        """Return the error frame that answers it."""
        ident = {} if self.id is None else {"id": self.id}
        return strict_json(
            {"type": "error", "payload": {"message": self.message, **ident}}
        )


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def understand(frame: str | bytes) -> Message | Hello | Refused:
    """Return what a client's frame means."""
    if isinstance(frame, bytes):
        return Refused("only text frames are understood")
    if len(frame) > LIMIT or len(frame.encode("utf-8", "surrogatepass")) > LIMIT:
        return Refused(f"a message has at most {LIMIT} bytes")
    try:
        value = json.loads(frame, parse_constant=_no_constant)
        strict_json(value)  # 1e400 reads as an infinity, which nobody could pass on
    except (ValueError, RecursionError):
        return Refused("a message is a JSON object")
    if not isinstance(value, dict):
        return Refused("a message is a JSON object")
    return _judge(value)


def _judge(value: dict[str, Any]) -> Message | Hello | Refused:
    kind, payload, ident = value.get("type"), value.get("payload", {}), value.get("id")
    if isinstance(ident, bool) or not isinstance(ident, (str, int)):
        ident = None
    if not isinstance(kind, str) or not kind:
        return Refused("a message needs a type, which is text", ident)
    if kind == "auth" and isinstance(value.get("token"), str):
        return Hello(value["token"])
    if not isinstance(payload, dict):
        return Refused("a message's payload is an object", ident)
    for name in TEXTS:
        if not isinstance(payload.get(name, ""), str):
            return Refused(f"a message's {name} is text", ident)
    return Message(kind, payload)


def notification_fields(message: Message) -> dict[str, Any]:
    """Return the notification that a message becomes, without id and time.

    Payload keys that a notification does not have go to its ``data``; where that is
    no object, it stands beside them under its own name, so nothing is lost.
    """
    payload = message.payload
    rest = {key: value for key, value in payload.items() if key not in PUBLIC}
    data = payload.get("data")
    if isinstance(data, Mapping):
        data = {**rest, **data}
    elif rest:
        data = rest if data is None else {**rest, "data": data}
    return {"type": message.type, **{k: payload.get(k) for k in PUBLIC}, "data": data}


def published(fields: Mapping[str, Any], ident: int, timestamp: str) -> str:
    """Return the frame of a notification; an empty link or data is left out.

    Raises:
        ValueError: the fields hold what JSON cannot say.
    """
    full: dict[str, Any] = {
        "type": as_text(fields.get("type")),
        "id": str(ident),
        "title": as_text(fields.get("title")),
        "message": as_text(fields.get("message")),
    }
    for name in OPTIONAL:
        if fields.get(name) not in NOTHING:
            full[name] = fields[name]
    full["timestamp"] = fields.get("timestamp") or timestamp
    more = fields.keys() - full.keys() - OPTIONAL_NAMES
    return strict_json({**full, **{k: fields[k] for k in fields if k in more}})
