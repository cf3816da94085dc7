"""The tools of ``mcp``: what each takes, does and answers. It knows no protocol.

What a tool takes is a Struct: a client is told its schema, what a model gives is
checked against it, and its docstring is what the model is told of the tool.

An answer is an object. What others wrote stands in it under ``untrusted`` and nowhere
else (``ui.sanitize``); all the rest is ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from notifyws.cli.mcp_listener import ListenerMemory, Remembered, Request, Test
from notifyws.delivery.message_input import from_parts
from notifyws.errors import NetworkFailed, NotifyError, UsageError
from notifyws.protocol.expressions import BadExpression, compiled, truthy
from notifyws.ui.sanitize import NOTE, as_data, as_json, harmless, notification_data

SEND_TIME = 10.0
"""Seconds in all for a message, waiting for a connection included."""
ANSWER = 65_536
"""Characters of an answer's notifications, but for a single one."""
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


class _Arguments(Struct, frozen=True, forbid_unknown_fields=True):
    """What a tool takes."""


class RecentArguments(_Arguments, frozen=True):
    """The newest notifications of the server that are remembered, oldest first, each
    with its number. To go on from there, give the last number as 'after'."""

    limit: Annotated[int, Meta(ge=1, le=100, description="At most so many.")] = 20
    after: Annotated[
        Number | None,
        Meta(
            description="Only those after this number, the oldest first; the newest "
            "when left out."
        ),
    ] = None
    match: Match = None


class WaitArguments(_Arguments, frozen=True):
    """Wait for a notification that matches, and return it; 'matched' is false when none
    came in time. To miss nothing that came since another call, give that call's
    'newest' as 'after': after sending, for the answer, say."""

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


class StatusArguments(_Arguments, frozen=True):
    """Whether the listener is connected and since when, what it has received, gaps in
    which notifications may have been missed, and what went wrong last."""


class SendArguments(_Arguments, frozen=True):
    """Send one message to the server. 'status' is delivered, rejected or unknown: an
    unknown one may have arrived, so look before sending it again."""

    type: Annotated[str, Meta(description="Kind of message.")] = "notification"
    title: Annotated[str | None, Meta(description="Its headline.")] = None
    message: Annotated[str | None, Meta(description="Its text.")] = None
    link: Annotated[str | None, Meta(description="Where it leads.")] = None
    payload: Annotated[
        dict[str, Any] | None, Meta(description="More fields, or all of them.")
    ] = None


class Tool(Struct, frozen=True):
    """A tool: its name, its title for people, what it takes, and what does it."""

    name: str
    title: str
    arguments: type[Struct]
    act: Callable[[Any], Awaitable[dict[str, Any]]]
    reads_only: bool = True

    @property
    def description(self) -> str:
        """What a model is told of it."""
        return " ".join([*str(self.arguments.__doc__).split(), NOTE])

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of what it takes."""
        _, parts = msgspec.json.schema_components([self.arguments])
        schema = dict(parts[self.arguments.__name__])
        return {k: v for k, v in schema.items() if k not in ("title", "description")}


class Tools:
    """What a model can ask of a listener, as far as ``request`` lets it."""

    def __init__(self, memory: ListenerMemory, request: Request) -> None:
        self._memory, self._request = memory, request
        self._service, self._recent = memory.service, memory.recent
        tools = [
            Tool(
                "recent_notifications",
                "Recent notifications",
                RecentArguments,
                self._recent_notifications,
            ),
            Tool(
                "wait_for_notification",
                "Wait for a notification",
                WaitArguments,
                self._wait_for_notification,
            ),
            Tool("status", "Status of the listener", StatusArguments, self._status),
            Tool(
                "send_message",
                "Send a message",
                SendArguments,
                self._send_message,
                False,
            ),
        ]
        self.offered = [each for each in tools if each.reads_only or request.allow_send]

    async def call(
        self, name: str, arguments: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """Do what a tool does; return its answer, and whether it failed."""
        try:
            tool = self._tool(name)
            return {"note": NOTE, **await tool.act(_read(tool, arguments))}, False
        except UsageError as error:
            return error.as_json(), True
        except NotifyError as error:
            words = {"message": error.message, "hint": error.hint}
            facts = {"kind": error.kind, "untrusted": as_data(words)}
            return {"note": NOTE, "error": facts}, True

    def _tool(self, name: str) -> Tool:
        tool = next((each for each in self.offered if each.name == name), None)
        if tool is not None:
            return tool
        names = ", ".join(each.name for each in self.offered)
        hint = f"there are {names}"
        if name == "send_message":
            hint = "it is offered by notifyws mcp --allow-send"
        raise UsageError(f"there is no tool {harmless(name)!r}", hint)

    async def _recent_notifications(self, wanted: RecentArguments) -> dict[str, Any]:
        after = wanted.after or 0
        found = await self._recent.found(_test(wanted.match), after)
        oldest_first = wanted.after is not None
        chosen = found[: wanted.limit] if oldest_first else found[-wanted.limit :]
        shown = _within(ANSWER, chosen, oldest_first=oldest_first)
        return {
            "notifications": shown,
            "more": len(found) - len(shown),
            "forgotten": self._recent.forgotten(after) if oldest_first else 0,
            **self._standing(),
        }

    async def _wait_for_notification(self, wanted: WaitArguments) -> dict[str, Any]:
        after = self._recent.newest if wanted.after is None else wanted.after
        coming = self._recent.wait_for(_test(wanted.match), after)
        forgotten = self._recent.forgotten(after)
        try:
            async with asyncio.timeout(wanted.seconds):
                found = {"matched": True, **_shown(await coming)}
        except TimeoutError:
            found = {"matched": False, "seen": max(0, self._recent.newest - after)}
        return {**found, "forgotten": forgotten, **self._standing()}

    async def _send_message(self, wanted: SendArguments) -> dict[str, Any]:
        texts = {"title": wanted.title, "message": wanted.message, "link": wanted.link}
        message = from_parts(wanted.type, texts, payload=wanted.payload)
        if message is None:
            raise UsageError("an empty message is not sent", "give a message")
        sending = False
        try:
            async with asyncio.timeout(SEND_TIME):
                if not self._service.sends_without_connection:
                    await self._memory.ready.wait()
                if self._memory.ended is not None:
                    raise self._memory.ended
                sending = True
                [sent] = await self._service.send_all([message])
        except TimeoutError:
            if not sending:
                said = f"there was no connection within {SEND_TIME:g} s"
                raise NetworkFailed(said, "ask for the status") from None
            return {"status": "unknown", **self._standing()}
        words = {} if sent.detail is None else {"untrusted": harmless(sent.detail)}
        return {"status": sent.status, **words, **self._standing()}

    async def _status(self, wanted: StatusArguments) -> dict[str, Any]:
        memory, settings = self._memory, self._service.settings
        listener = self._service.listener
        return {
            **self._standing(),
            "connectedSince": memory.connected_since or None,
            "server": urlsplit(settings.connect_url).hostname,
            "username": settings.username or None,
            "received": listener.received,
            "only": self._request.only,
            "passedOnly": listener.received - listener.filtered,
            "remembered": len(self._recent),
            "maySend": self._request.allow_send,
            "untrusted": as_data(memory.troubles()),
        }

    def _standing(self) -> dict[str, Any]:
        """Return what every answer says, so that silence is not taken for peace."""
        return {
            "newest": self._recent.newest,
            "state": self._service.connection_state,
            "gaps": self._memory.gap_count,
        }


def _read(tool: Tool, arguments: Mapping[str, Any]) -> Struct:
    try:
        return msgspec.convert(dict(arguments), tool.arguments)
    except ValueError as error:
        said = harmless(str(error))
        hint = "its schema says what it takes"
        raise UsageError(f"{tool.name}: {said}", hint) from None


def _test(match: str | None) -> Test:
    """Return a test made of a model's expression, which is as bounded as a profile's.

    Raises:
        UsageError: it cannot be used.
    """
    if match is None:
        return lambda notification: True
    try:
        search = compiled(match)
    except BadExpression as error:
        said = f"'match' is not a JMESPath expression: {error.reason}"
        raise UsageError(said, "as in: type == 'trip_update'") from None
    return lambda notification: truthy(search(notification.as_json()))


def _shown(remembered: Remembered) -> dict[str, Any]:
    notification = remembered.notification
    fields, cut = notification_data(notification)
    facts = {"number": remembered.number, "received": notification.received}
    return {**facts, **({"cut": True} if cut else {}), "untrusted": fields}


def _within(
    limit: int, chosen: Sequence[Remembered], *, oldest_first: bool
) -> list[dict[str, Any]]:
    """Return as many as an answer holds, from the end that was asked for first."""
    shown: list[dict[str, Any]] = []
    for each in chosen if oldest_first else reversed(chosen):
        made = _shown(each)
        limit -= len(as_json(made))
        if limit < 0 and shown:
            break
        shown.append(made)
    return shown if oldest_first else shown[::-1]
