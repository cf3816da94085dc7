"""Carries out ``send --lines``: one connection, many messages, in their order."""

from __future__ import annotations

import asyncio
import os
import select
import stat
from collections.abc import AsyncIterator, Sequence

from notifyws.cli.send_batches import Batch, BatchSender
from notifyws.cli.send_message import Request, SendSummary, connected, print_frame
from notifyws.config.settings import Settings
from notifyws.delivery.message_input import from_line
from notifyws.errors import UsageError
from notifyws.models import Message
from notifyws.ui.progress import Progress
from notifyws.ui.streams import say, theme_on

DRY = 1000
"""Messages that are read at once where none is sent."""
CHUNK = 1 << 16
"""Bytes that are read at once."""
MARK = "\ufeff"
"""What some editors begin a UTF-8 file with."""
READING = "Reading messages from stdin, a JSON object a line ..."


async def send_lines(request: Request, settings: Settings, *, dry_run: bool) -> None:
    """Send the messages of stdin's lines and say what became of each.

    Raises:
        UsageError: a line is no message; those before it were sent.
        NetworkFailed: there is no connection.
        MessageRejected, MessageUnconfirmed: some were not taken, or nothing shows it.
    """
    if dry_run:
        async for batch in _batches(Progress(say), request.quiet, DRY):
            for message in batch.messages:
                print_frame(settings, message)
        return
    summary = SendSummary()
    theme = theme_on(2) if _may_draw(request) else None
    shown = Progress(say, theme, _size())
    try:
        async with connected(request, settings, warn=shown.warn) as service:
            sender = BatchSender(request, service, summary, shown)
            problem = await _send_batches(sender, shown, request.quiet)
    finally:
        shown.end()
    if problem is not None:
        raise problem
    if not request.quiet:
        say(f"Delivered {summary.delivered} of {summary.total}")
    summary.raise_unless_delivered()


def _may_draw(request: Request) -> bool:
    """Return whether nothing else is written where a bar would be."""
    typed, printed = os.isatty(0), request.json and os.isatty(1)
    return not (request.quiet or typed or printed)


def _size() -> int | None:
    """Return how much stdin still holds, where it is a file."""
    found = os.fstat(0)
    if not stat.S_ISREG(found.st_mode):
        return None
    return max(found.st_size - os.lseek(0, 0, os.SEEK_CUR), 0)


async def _send_batches(
    sender: BatchSender, shown: Progress, quiet: bool
) -> UsageError | None:
    """Send what comes; return what was wrong with the line that ended it, if any."""
    problem: UsageError | None = None
    try:
        async for batch in _batches(shown, quiet, sender.batch_size):
            if not await sender.send(batch):
                break
    except UsageError as error:
        problem = error
    except BaseException:
        sender.cancel()
        raise
    await sender.finish()
    return problem


async def _batches(shown: Progress, quiet: bool, most: int) -> AsyncIterator[Batch]:
    """Yield messages as their lines come: all that is there, at most so many."""
    number = 0
    async for text in _stdin_lines(shown, quiet):
        lines = text.split("\n")
        for start in range(0, len(lines), most):
            taken = lines[start : start + most]
            messages, problem = _read(taken, number + 1)
            number += len(taken)
            if messages:
                yield Batch(messages, sum(map(len, taken)))
            if problem is not None:
                raise problem


def _read(lines: Sequence[str], first: int) -> tuple[list[Message], UsageError | None]:
    """Return the messages of lines up to the first that is none, and what it lacks."""
    messages: list[Message] = []
    try:
        for number, line in enumerate(lines, first):
            if line.strip():
                messages.append(from_line(line, number))
    except UsageError as error:
        return messages, error
    return messages, None


async def _stdin_lines(shown: Progress, quiet: bool) -> AsyncIterator[str]:
    """Yield the whole lines of stdin, as many at a time as have come."""
    rest: list[bytes] = []
    if not quiet and not select.select([0], [], [], 0)[0]:
        later = asyncio.get_running_loop().call_later(1.0, shown.say, READING)
    else:
        later = None
    while chunk := await _stdin_chunk():
        shown.read(len(chunk))
        if later is not None:
            later.cancel()
        whole, newline, begun = chunk.rpartition(b"\n")
        if newline:
            yield _decoded(b"".join([*rest, whole]))
            rest = []
        rest.append(begun)
    if any(rest):
        yield _decoded(b"".join(rest))


async def _stdin_chunk() -> bytes:
    """Return what is there to read; a thread would keep the process from ending."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(0, ready.set)
    except OSError:  # a regular file, which is always ready
        await asyncio.sleep(0)
        return os.read(0, CHUNK)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(0)
    return os.read(0, CHUNK)


def _decoded(lines: bytes) -> str:
    """Return lines as text, without the marks that some files begin with.

    What is not UTF-8 in them can be told from the line that holds it.
    """
    text = lines.decode(errors="surrogateescape")
    return text.removeprefix(MARK).replace(f"\n{MARK}", "\n")
