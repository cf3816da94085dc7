"""``notifyws send``: one message or many, with proof of what became of them."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyws.cli.options import (
    Common,
    EnvFile,
    Profile,
    Quiet,
    Server,
    Url,
    Verbose,
)
from notifyws.cli.running import run
from notifyws.cli.streams import emit, emit_json, say, warner
from notifyws.composing import from_line, from_parts, from_stdin, payload_of
from notifyws.errors import (
    MessageRejected,
    MessageUnconfirmed,
    NetworkFailed,
    NotifyError,
    UsageError,
)
from notifyws.models import Message
from notifyws.settings import Settings

if TYPE_CHECKING:
    from notifyws.sending import Sent
    from notifyws.service import NotificationService

EXAMPLES = """
Examples:

  notifyws send --type trip_update -T "Trip Started" -m "On the way" tripId=123

  notifyws send --lines < messages.jsonl
"""

BODY = "The message"
BATCH = 500
"""Messages that share one ping with --lines."""
AHEAD = 4
"""Batches that may be on their way at once."""


@dataclass(frozen=True, slots=True)
class Request:
    """How to send: what to print, how long to try."""

    timeout: float
    json: bool
    quiet: bool


def send(
    pairs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=TEXT | KEY:=JSON]...", help="More keys of the payload."
        ),
    ] = None,
    type_: Annotated[
        str,
        typer.Option("--type", "-t", metavar="TYPE", help="Kind of message."),
    ] = "notification",
    title: Annotated[
        str | None,
        typer.Option("--title", "-T", metavar="TEXT", rich_help_panel=BODY),
    ] = None,
    message: Annotated[
        str | None,
        typer.Option("--message", "-m", metavar="TEXT", rich_help_panel=BODY),
    ] = None,
    link: Annotated[
        str | None,
        typer.Option("--link", metavar="URL", rich_help_panel=BODY),
    ] = None,
    payload: Annotated[
        str | None,
        typer.Option(
            "--payload",
            metavar="JSON|@FILE",
            help="The whole payload.",
            rich_help_panel=BODY,
        ),
    ] = None,
    sample: Annotated[
        bool,
        typer.Option(
            "--sample",
            help="The example of a known type (trip_update, payment_approved, "
            "message_received).",
            rich_help_panel=BODY,
        ),
    ] = False,
    lines: Annotated[
        bool,
        typer.Option(
            "--lines",
            help='Send JSON Lines from stdin: {"type", "payload"}.',
            rich_help_panel=BODY,
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the frame, send nothing.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", metavar="SECONDS", help="In all, to connect and send."
        ),
    ] = 10.0,
    server: Server = None,
    profile: Profile = None,
    url: Url = None,
    env_file: EnvFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print what became of it as JSON.")
    ] = False,
) -> None:
    """Send a message, and claim success only when the server has taken it."""
    texts = {"title": title, "message": message, "link": link}
    whole = _whole(payload) if payload is not None else None
    given = from_parts(type_, texts, pairs or (), whole, sample=sample)
    if lines and given is not None:
        raise UsageError("--lines takes its messages from stdin only", "give no body")
    if timeout <= 0:
        raise UsageError(f"--timeout must be more than 0, not {timeout:g}")
    common = Common(server, profile, url, env_file, verbose, quiet)
    settings = common.load().settings
    request = Request(timeout, json, quiet)
    if lines:
        return run(_send_lines(request, settings, dry_run=dry_run))
    one = given or _asked_for(type_, quiet)
    if dry_run:
        return _print_frame(settings, one)
    return run(_send_one(request, settings, one))


def _whole(payload: str) -> dict[str, object]:
    if not payload.startswith("@"):
        return dict(payload_of(payload, "--payload"))
    path = Path(payload[1:])
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UsageError(f"cannot read {path}: {reason}", "check the path") from None
    return dict(payload_of(text, str(path)))


def _asked_for(kind: str, quiet: bool) -> Message:
    """Return the message that is typed or piped, when no body was given."""
    if sys.stdin is not None and sys.stdin.isatty():
        title = typer.prompt("Title", default="", show_default=False, err=True)
        text = typer.prompt("Message", default="", show_default=False, err=True)
        if not (title or text):
            raise UsageError("an empty message is not sent", "give --message TEXT")
        texts = {"title": title or None, "message": text or None}
        return from_parts(kind, texts) or Message(kind)
    return from_stdin(kind, _piped(quiet))


def _piped(quiet: bool) -> str:
    """Return all of stdin; say that it is read when nothing comes for a second."""
    if sys.stdin is None:
        return ""
    if not quiet and not select.select([sys.stdin], [], [], 1.0)[0]:
        say("Reading the message from stdin ...")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("stdin is not UTF-8 text") from None


def _print_frame(settings: Settings, message: Message) -> None:
    from notifyws.runtime import Runtime

    emit(Runtime(settings, say).frame(message) + "\n")


def _service(request: Request, settings: Settings) -> NotificationService:
    from notifyws.service import NotificationService

    patient = min(settings.open_timeout, request.timeout)
    return NotificationService(
        replace(settings, open_timeout=patient), warn=warner(request.quiet)
    )


async def _connect(request: Request, service: NotificationService) -> None:
    try:
        async with asyncio.timeout(request.timeout):
            await service.connect()
    except TimeoutError:
        message = f"no connection within {request.timeout:g} s"
        raise NetworkFailed(message, "notifyws status --check") from None


async def _send_one(request: Request, settings: Settings, message: Message) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + request.timeout
    async with _service(request, settings) as service:
        await _connect(request, service)
        sent = await _before(end, service, [message])
    result = sent[0]
    if request.json:
        emit_json(result.as_json())
    elif result.status == "delivered" and not request.quiet:
        say(f"Delivered {message.type}")
    _raise_unless_delivered(sent)


async def _before(
    end: float, service: NotificationService, messages: Sequence[Message]
) -> list[Sent]:
    from notifyws.sending import Sent

    try:
        async with asyncio.timeout_at(end):
            return await service.send_all(messages)
    except TimeoutError:
        detail = "no answer in time"
        return [Sent("unknown", m.type, m.id, detail) for m in messages]


def _raise_unless_delivered(sent: Sequence[Sent]) -> None:
    """Raise for the worst that became of any of them."""
    bad = [each for each in sent if each.status != "delivered"]
    if not bad:
        return
    of_many = f"{len(bad)} of {len(sent)} messages" if len(sent) > 1 else "the message"
    rejected = next((each for each in bad if each.status == "rejected"), None)
    if rejected is not None:
        was = "were not taken" if len(sent) > 1 else "was rejected"
        hint = "correct it; the server's words are above"
        raise MessageRejected(f"{of_many} {was}: {rejected.detail}", hint)
    hint = "look at the other side before sending again: it may have arrived"
    message = f"nothing shows whether {of_many} arrived: {bad[0].detail}"
    raise MessageUnconfirmed(message, hint)


@dataclass(slots=True)
class _Tally:
    """Keeps what is needed for the end, not every result."""

    total: int = 0
    bad: list[Sent] = field(default_factory=list)

    def add(self, sent: Sequence[Sent]) -> None:
        self.total += len(sent)
        self.bad += [s for s in sent if s.status != "delivered"][: 100 - len(self.bad)]


async def _send_lines(request: Request, settings: Settings, *, dry_run: bool) -> None:
    if dry_run:
        async for batch in _batches():
            for message in batch:
                _print_frame(settings, message)
        return
    tally = _Tally()
    async with _service(request, settings) as service:
        await _connect(request, service)
        on_their_way: list[asyncio.Task[list[Sent]]] = []
        problem: NotifyError | None = None
        try:
            async for batch in _batches():
                task = asyncio.create_task(service.send_all(batch))
                on_their_way.append(task)
                if len(on_their_way) >= AHEAD:
                    _print(request, tally, await on_their_way.pop(0))
        except UsageError as error:
            problem = error
        for task in on_their_way:
            _print(request, tally, await task)
    if problem is not None:
        raise problem
    if not request.quiet:
        say(f"Delivered {tally.total - len(tally.bad)} of {tally.total}")
    _raise_unless_delivered(tally.bad)


def _print(request: Request, tally: _Tally, sent: Sequence[Sent]) -> None:
    tally.add(sent)
    if request.json:
        for each in sent:
            emit_json(each.as_json())
    elif not request.quiet:
        for each in sent:
            if each.status != "delivered":
                say(f"{each.status}: {each.type} {each.id or ''} {each.detail or ''}")


async def _batches() -> AsyncIterator[list[Message]]:
    """Yield messages as their lines come: all that is there, at most a batch."""
    number = 0
    async for lines in _stdin_lines():
        batch: list[Message] = []
        for line in lines:
            number += 1
            if not line.strip():
                continue
            try:
                batch.append(from_line(line, number))
            except UsageError:
                if batch:
                    yield batch
                raise
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


async def _stdin_lines() -> AsyncIterator[list[str]]:
    """Yield the whole lines of stdin, as many at a time as have come."""
    rest = b""
    while chunk := await _stdin_chunk():
        *whole, rest = (rest + chunk).split(b"\n")
        if whole:
            yield [_decoded(line) for line in whole]
    if rest:
        yield [_decoded(rest)]


async def _stdin_chunk() -> bytes:
    """Return what is there to read; a thread would keep the process from ending."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(0, ready.set)
    except OSError:  # a regular file, which is always ready
        await asyncio.sleep(0)
        return os.read(0, 1 << 16)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(0)
    return os.read(0, 1 << 16)


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        raise UsageError("stdin is not UTF-8 text") from None
