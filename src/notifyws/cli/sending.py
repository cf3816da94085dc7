"""Carries out ``send``: one connection, one or many messages, what became of each."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from notifyws.cli.streams import ReaderLeft, emit, emit_json, say, warner
from notifyws.composing import from_line
from notifyws.errors import (
    MessageRejected,
    MessageUnconfirmed,
    NetworkFailed,
    OutputFailed,
    UsageError,
)
from notifyws.models import Message
from notifyws.settings import Settings

if TYPE_CHECKING:
    from notifyws.sending import Sent
    from notifyws.service import NotificationService

__all__ = ["Request", "print_frame", "send_lines", "send_one"]

BATCH = 500
"""Messages that share one ping with --lines."""
SEVERITY = {"delivered": 0, "unknown": 1, "rejected": 2}
READING = "Reading messages from stdin, a JSON object a line ..."
AHEAD = 4
"""Batches that may be on their way at once."""

_Ahead = asyncio.Queue["asyncio.Task[list[Sent]] | None"]


@dataclass(frozen=True, slots=True)
class Request:
    """How to send: what to print, how long to try."""

    timeout: float
    json: bool
    quiet: bool


def print_frame(settings: Settings, message: Message) -> None:
    """Print the frame that a message would be sent as."""
    from notifyws.runtime import Runtime

    emit(Runtime(settings, say).frame(message) + "\n")


def _service(request: Request, settings: Settings) -> NotificationService:
    from notifyws.service import NotificationService

    patient = min(settings.open_timeout, request.timeout)
    parting = min(settings.close_timeout, request.timeout / 4)
    return NotificationService(
        replace(settings, open_timeout=patient, close_timeout=parting),
        listed=False,
        warn=warner(request.quiet),
    )


async def _connect(request: Request, service: NotificationService) -> None:
    if service.sends_without_connection:
        return
    try:
        async with asyncio.timeout(request.timeout):
            await service.connect()
    except TimeoutError:
        message = f"no connection within {request.timeout:g} s"
        raise NetworkFailed(message, "notifyws status --check") from None


async def send_one(request: Request, settings: Settings, message: Message) -> None:
    """Send a message and say what became of it.

    Raises:
        NetworkFailed: there is no connection.
        MessageRejected, MessageUnconfirmed: it was not taken, or nothing shows it.
    """
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
    tally = _Tally()
    tally.add(sent)
    tally.raise_unless_delivered()


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


async def _settled(
    end: float, service: NotificationService, messages: Sequence[Message]
) -> list[Sent]:
    """Return a result for each, also when the connection is gone by now."""
    from notifyws.sending import Sent

    try:
        return await _before(end, service, messages)
    except NetworkFailed as error:
        return [Sent("unknown", m.type, m.id, error.message) for m in messages]


@dataclass(slots=True)
class _Tally:
    """Counts what became of messages, and keeps the worst of it for the end."""

    total: int = 0
    delivered: int = 0
    worst: Sent | None = None
    unprinted: Exception | None = None

    def add(self, sent: Sequence[Sent]) -> None:
        for each in sent:
            self.total += 1
            self.delivered += each.status == "delivered"
            if (
                self.worst is None
                or SEVERITY[each.status] > SEVERITY[self.worst.status]
            ):
                self.worst = each

    def raise_unless_delivered(self) -> None:
        """Raise for the worst that became of any of them."""
        if self.worst is None or self.worst.status == "delivered":
            return
        bad, many = self.total - self.delivered, self.total > 1
        what = f"{bad} of {self.total} messages" if many else "the message"
        if self.worst.status == "rejected":
            was = "were not taken" if many else "was rejected"
            hint = "correct it by what the server says, and send it again"
            raise MessageRejected(f"{what} {was}: {self.worst.detail}", hint)
        hint = "look at the other side before sending again: it may have arrived"
        message = f"nothing shows whether {what} arrived: {self.worst.detail}"
        raise MessageUnconfirmed(message, hint)


async def send_lines(request: Request, settings: Settings, *, dry_run: bool) -> None:
    """Send the messages of stdin's lines and say what became of each.

    Raises:
        UsageError: a line is no message; those before it were sent.
        NetworkFailed: there is no connection.
        MessageRejected, MessageUnconfirmed: some were not taken, or nothing shows it.
    """
    if dry_run:
        async for batch in _batches(request.quiet):
            for message in batch:
                print_frame(settings, message)
        return
    tally = _Tally()
    async with _service(request, settings) as service:
        await _connect(request, service)
        problem = await _send_batches(request, service, tally)
    if problem is not None:
        raise problem
    if not request.quiet:
        say(f"Delivered {tally.delivered} of {tally.total}")
    tally.raise_unless_delivered()


async def _send_batches(
    request: Request, service: NotificationService, tally: _Tally
) -> UsageError | None:
    """Send what comes; return what was wrong with the line that ended it, if any."""
    ahead: _Ahead = asyncio.Queue(AHEAD)
    printing = asyncio.create_task(_print_in_order(request, tally, ahead))
    problem: UsageError | None = None
    try:
        async for batch in _batches(request.quiet):
            end = asyncio.get_running_loop().time() + request.timeout
            await ahead.put(asyncio.create_task(_settled(end, service, batch)))
            if tally.unprinted is not None:
                break
    except UsageError as error:
        problem = error
    except BaseException:
        printing.cancel()
        raise
    await ahead.put(None)
    await printing
    if tally.unprinted is not None:
        raise tally.unprinted
    return problem


async def _print_in_order(request: Request, tally: _Tally, ahead: _Ahead) -> None:
    """Print each batch's results once they are known; go on emptying in any case."""
    while (task := await ahead.get()) is not None:
        sent = await task
        try:
            if tally.unprinted is None:
                _print(request, tally, sent)
        except (ReaderLeft, OutputFailed) as error:
            tally.unprinted = error


def _print(request: Request, tally: _Tally, sent: Sequence[Sent]) -> None:
    tally.add(sent)
    if request.json:
        for each in sent:
            emit_json(each.as_json())
    elif not request.quiet:
        for each in sent:
            if each.status != "delivered":
                say(f"{each.status}: {each.type} {each.id or ''} {each.detail or ''}")


async def _batches(quiet: bool) -> AsyncIterator[list[Message]]:
    """Yield messages as their lines come: all that is there, at most a batch."""
    number = 0
    async for lines in _stdin_lines(quiet):
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


async def _stdin_lines(quiet: bool) -> AsyncIterator[list[str]]:
    """Yield the whole lines of stdin, as many at a time as have come."""
    rest = b""
    if not quiet and not select.select([0], [], [], 0)[0]:
        later = asyncio.get_running_loop().call_later(1.0, say, READING)
    else:
        later = None
    while chunk := await _stdin_chunk():
        if later is not None:
            later.cancel()
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
