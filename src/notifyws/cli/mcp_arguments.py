"""What the tools of ``mcp`` take, and how a client is told of a tool.

Arguments are Structs: each one's schema is made from it, and what a model gives is
checked against it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

LONGEST_WAIT = 600
"""Seconds that a client may wait; most give up after a minute or so."""

Match = Annotated[
    str | None,
    Meta(
        description="JMESPath expression over the notification's fields (type, title, "
        "message, link, id, timestamp, data, ...); only what it is true for. As in: "
        "type == 'deploy' && data.status == 'failed'"
    ),
]
Number = Annotated[int, Meta(ge=0)]


Act = Callable[[Any], Awaitable[dict[str, Any]]]
"""Does what a tool does, given its arguments."""


class NoArguments(Struct, frozen=True, forbid_unknown_fields=True):
    """A tool that takes nothing."""


class RecentArguments(Struct, frozen=True, forbid_unknown_fields=True):
    """What ``recent_notifications`` takes."""

    limit: Annotated[int, Meta(ge=1, le=100, description="At most so many.")] = 20
    after: Annotated[
        Number | None,
        Meta(
            description="Only those after this number, the oldest first; the newest "
            "when left out."
        ),
    ] = None
    match: Match = None


class WaitArguments(Struct, frozen=True, forbid_unknown_fields=True):
    """What ``wait_for_notification`` takes."""

    match: Match = None
    seconds: Annotated[
        float, Meta(gt=0, le=LONGEST_WAIT, description="How long to wait at most.")
    ] = 30.0
    after: Annotated[
        Number | None,
        Meta(
            description="Look first at those that came after this number; only at "
            "what comes from now on when left out."
        ),
    ] = None


class SendArguments(Struct, frozen=True, forbid_unknown_fields=True):
    """What ``send_message`` takes."""

    type: Annotated[str, Meta(description="Kind of message.")] = "notification"
    title: Annotated[str | None, Meta(description="Its headline.")] = None
    message: Annotated[str | None, Meta(description="Its text.")] = None
    link: Annotated[str | None, Meta(description="Where it leads.")] = None
    payload: Annotated[
        dict[str, Any] | None, Meta(description="More fields, or all of them.")
    ] = None


class Tool(Struct, frozen=True):
    """A tool as a client is told of it.

    Args:
        name: by which it is called.
        title: for people.
        description: for the model.
        arguments: the Struct that it takes.
        act: does it.
        reads_only: whether it changes nothing.
    """

    name: str
    title: str
    description: str
    arguments: type[Struct]
    act: Act
    reads_only: bool = True

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of what it takes."""
        _, parts = msgspec.json.schema_components([self.arguments])
        schema = dict(parts[self.arguments.__name__])
        return {k: v for k, v in schema.items() if k not in ("title", "description")}
