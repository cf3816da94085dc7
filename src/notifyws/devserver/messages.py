"""What clients say, understood or refused, and what it looks like when passed on.

Pure: text in, values out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifyws.models import Message, as_text, strict_json

LIMIT = 64 * 1024
"""Bytes of the largest message that is taken."""

TEXTS = ("title", "message", "link")
OPTIONAL = ("link", "data")
PUBLIC = ("title", "message", *OPTIONAL)
NOTHING: tuple[object, ...] = (None, "", {}, [])


@dataclass(frozen=True, slots=True)
class Hello:
    """A client's first frame, with its access token."""

    token: str


class Refused:
    """A frame that is no message, and its own ``id``, to tell which it was."""

    def __init__(self, message: str, ident: object = None) -> None:
        known = isinstance(ident, (str, int)) and not isinstance(ident, bool)
        payload = {"message": message, **({"id": ident} if known else {})}
        self.frame = strict_json({"type": "error", "payload": payload})


def understand(frame: str | bytes) -> Message | Hello | Refused:
    """Return what a client's frame means."""
    if isinstance(frame, bytes):
        return Refused("only text frames are understood")
    if len(frame.encode("utf-8", "surrogatepass")) > LIMIT:
        return Refused(f"a message has at most {LIMIT} bytes")
    try:
        value = json.loads(frame)
        strict_json(value)  # 1e400 reads as an infinity, which nobody could pass on
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return Refused("a message is a JSON object")
    fault = _fault(value)
    if fault:
        return Refused(fault, value.get("id"))
    if value["type"] == "auth" and isinstance(value.get("token"), str):
        return Hello(value["token"])
    return Message(value["type"], value.get("payload", {}))


def _fault(value: dict[str, Any]) -> str:
    """Return what is wrong with a message, nothing if it is right."""
    kind, payload = value.get("type"), value.get("payload", {})
    if not isinstance(kind, str) or not kind:
        return "a message needs a type, which is text"
    if not isinstance(payload, dict):
        return "a message's payload is an object"
    wrong = (name for name in TEXTS if not isinstance(payload.get(name, ""), str))
    return next((f"a message's {name} is text" for name in wrong), "")


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
    texts = {name: as_text(fields.get(name)) for name in ("type", "title", "message")}
    full = {"type": texts["type"], "id": str(ident), **texts}
    full |= {name: fields[name] for name in OPTIONAL if fields.get(name) not in NOTHING}
    full["timestamp"] = fields.get("timestamp") or timestamp
    more = {k: v for k, v in fields.items() if k not in full and k not in OPTIONAL}
    return strict_json({**full, **more})
