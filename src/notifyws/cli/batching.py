"""Carries out ``send --lines``: one connection, many messages, in their order."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from notifyws.cli.progress import NoBar, bar
from notifyws.cli.sending import (
    Request,
    Tally,
    before,
    connected,
    print_frame,
    service_for,
)
from notifyws.cli.streams import ReaderLeft, emit_json, say
from notifyws.composing import from_line
from notifyws.errors import NetworkFailed, OutputFailed, UsageError
from notifyws.models import Message
from notifyws.settings import Settings

if TYPE_CHECKING:
    from notifyws.sending import Sent
    from notifyws.service import NotificationService

__all__ = ["send_lines"]

BATCH = 500
"""Messages that share one ping."""
READING = "Reading messages from stdin, a JSON object a line ..."
AHEAD = 4
"""Batches that may be on their way at once."""

_Ahead = asyncio.Queue["asyncio.Task[list[Sent]] | None"]


async def send_lines(request: Request, settings: Settings, *, dry_run: bool) -> None:
    """Send the messages of stdin's lines and say what became of each.

    Raises:
        UsageError: a line is no message; those before it were sent.
        NetworkFailed: there is no connection.
        MessageRejected, MessageUnconfirmed: some were not taken, or nothing shows it.
    """
    if dry_run:
        async for batch in _batches(NoBar(), request.quiet):
            for message in batch:
                print_frame(settings, message)
        return
    tally = Tally()
    with bar(wanted=_may_draw(request)) as shown:
        async with service_for(request, settings, warn=shown.warn) as service:
            await connected(request, service)
            problem = await _send_batches(request, service, tally, shown)
            shown.end()
    if problem is not None:
        raise problem
    if not request.quiet:
        say(f"Delivered {tally.delivered} of {tally.total}")
    tally.raise_unless_delivered()


def _may_draw(request: Request) -> bool:
    """Return whether nothing else is written where a bar would be."""
    typed, printed = os.isatty(0), request.json and os.isatty(1)
    return not (request.quiet or typed or printed)


async def _send_batches(
    request: Request, service: NotificationService, tally: Tally, shown: NoBar
) -> UsageError | None:
    """Send what comes; return what was wrong with the line that ended it, if any."""
    ahead: _Ahead = asyncio.Queue(AHEAD)
    printing = asyncio.create_task(_print_in_order(request, tally, ahead, shown))
    problem: UsageError | None = None
    try:
        async for batch in _batches(shown, request.quiet):
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


async def _print_in_order(
    request: Request, tally: Tally, ahead: _Ahead, shown: NoBar
) -> None:
    """Print each batch's results once they are known; go on emptying in any case."""
    while (task := await ahead.get()) is not None:
        sent = await task
        try:
            if tally.unprinted is None:
                _print(request, tally, sent, shown)
        except (ReaderLeft, OutputFailed) as error:
            tally.unprinted = error


def _print(request: Request, tally: Tally, sent: Sequence[Sent], shown: NoBar) -> None:
    tally.add(sent)
    shown.sent(len(sent))
    if request.json:
        for each in sent:
            emit_json(each.as_json())
    elif not request.quiet:
        for each in sent:
            if each.status != "delivered":
                about = f"{each.type} {each.id or ''} {each.detail or ''}"
                shown.say(f"{each.status}: {about}")


async def _batches(shown: NoBar, quiet: bool) -> AsyncIterator[list[Message]]:
    """Yield messages as their lines come: all that is there, at most a batch."""
    number = 0
    async for lines in _stdin_lines(shown, quiet):
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


async def _stdin_lines(shown: NoBar, quiet: bool) -> AsyncIterator[list[str]]:
    """Yield the whole lines of stdin, as many at a time as have come."""
    rest = b""
    if not quiet and not select.select([0], [], [], 0)[0]:
        later = asyncio.get_running_loop().call_later(1.0, shown.say, READING)
    else:
        later = None
    while chunk := await _stdin_chunk():
        shown.read(len(chunk))
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


async def _settled(
    end: float, service: NotificationService, messages: Sequence[Message]
) -> list[Sent]:
    """Return a result for each, also when the connection is gone by now."""
    from notifyws.sending import Sent

    try:
        return await before(end, service, messages)
    except NetworkFailed as error:
        return [Sent("unknown", m.type, m.id, error.message) for m in messages]
