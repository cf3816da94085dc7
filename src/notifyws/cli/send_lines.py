"""Carries out ``send --lines``: one connection, many messages, in their order."""

from __future__ import annotations

import asyncio
import os
import select
import stat
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from notifyws.cli.send_message import (
    Request,
    SendSummary,
    before,
    connected,
    print_frame,
    service_for,
)
from notifyws.cli.send_window import Load, Window
from notifyws.config.settings import Settings
from notifyws.delivery.message_input import from_line
from notifyws.errors import NetworkFailed, OutputFailed, UsageError
from notifyws.models import Message, strict_json
from notifyws.ui.output import Output
from notifyws.ui.progress import Progress
from notifyws.ui.streams import ReaderGone, say, theme_on

if TYPE_CHECKING:
    from notifyws.delivery.sender import SendResult
    from notifyws.service import NotificationService

__all__ = ["send_lines"]

BATCH = 1000
"""Messages that share one ping."""
ABREAST = 4
"""Messages that are posted side by side, where no socket is needed."""
CHUNK = 1 << 16
"""Bytes that are read at once."""
MARK = "\ufeff"
"""What some editors begin a UTF-8 file with."""
READING = "Reading messages from stdin, a JSON object a line ..."


_Underway = tuple[Load, float, "asyncio.Task[list[SendResult]]"]


async def send_lines(request: Request, settings: Settings, *, dry_run: bool) -> None:
    """Send the messages of stdin's lines and say what became of each.

    Raises:
        UsageError: a line is no message; those before it were sent.
        NetworkFailed: there is no connection.
        MessageRejected, MessageUnconfirmed: some were not taken, or nothing shows it.
    """
    if dry_run:
        async for load in _loads(Progress(say), request.quiet):
            for message in load.messages:
                print_frame(settings, message)
        return
    tally = SendSummary()
    theme = theme_on(2) if _may_draw(request) else None
    shown = Progress(say, theme, _size())
    try:
        async with service_for(request, settings, warn=shown.warn) as service:
            await connected(request, service)
            problem = await _send_batches(request, service, tally, shown)
    finally:
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


def _size() -> int | None:
    """Return how much stdin still holds, where it is a file."""
    found = os.fstat(0)
    if not stat.S_ISREG(found.st_mode):
        return None
    return max(found.st_size - os.lseek(0, 0, os.SEEK_CUR), 0)


async def _send_batches(
    request: Request, service: NotificationService, tally: SendSummary, shown: Progress
) -> UsageError | None:
    """Send what comes; return what was wrong with the line that ended it, if any."""
    train = _Train(request, service, tally, shown)
    problem: UsageError | None = None
    try:
        async for load in _loads(shown, request.quiet, train.batch):
            if not await train.takes(load):
                break
    except UsageError as error:
        problem = error
    except BaseException:
        train.cancel()
        raise
    await train.arrived()
    if tally.unprinted is not None:
        raise tally.unprinted
    return problem


class _Train:
    """Batches on their way, each behind the other, and what prints their results."""

    def __init__(
        self,
        request: Request,
        service: NotificationService,
        tally: SendSummary,
        shown: Progress,
    ) -> None:
        self._request = request
        self._service = service
        self._tally = tally
        self._shown = shown
        self._output = Output(1)
        posted = service.sends_without_connection
        self.batch = 1 if posted else BATCH
        self._window = Window(ABREAST) if posted else Window()
        self._moved = asyncio.Event()
        self._ahead: asyncio.Queue[_Underway | None] = asyncio.Queue()
        self._printing = asyncio.create_task(self._print_in_order())
        self._printing.add_done_callback(lambda printing: self._moved.set())

    async def takes(self, load: Load) -> bool:
        """Send a batch once there is room; return whether another may follow."""
        while self._window.full and not self._printing.done():
            self._moved.clear()
            await self._moved.wait()
        if self._printing.done():
            return False
        began = asyncio.get_running_loop().time()
        settling = _settled(began + self._request.timeout, self._service, load)
        self._window.sent(load)
        self._ahead.put_nowait((load, began, asyncio.create_task(settling)))
        return self._tally.unprinted is None

    async def arrived(self) -> None:
        """Return once all results are printed."""
        self._ahead.put_nowait(None)
        await self._printing
        self._output.close()

    def cancel(self) -> None:
        """Print nothing more."""
        self._printing.cancel()

    async def _print_in_order(self) -> None:
        """Print each batch's results once they are known; go on in any case."""
        tally, now = self._tally, asyncio.get_running_loop().time
        while (underway := await self._ahead.get()) is not None:
            load, began, settling = underway
            sent = await settling
            doubtful = any(each.status == "unknown" for each in sent)
            self._window.through(load, now() - began, doubtful=doubtful)
            self._moved.set()
            try:
                if tally.unprinted is None:
                    await self._print(sent)
            except (ReaderGone, OutputFailed) as error:
                tally.unprinted = error

    async def _print(self, sent: Sequence[SendResult]) -> None:
        """Print results; who reads them slowly delays no answer of the server."""
        self._tally.add(sent)
        self._shown.sent(len(sent))
        if self._request.json:
            lines = [f"{strict_json(each.as_json())}\n" for each in sent]
            await self._output.write("".join(lines).encode())
        elif not self._request.quiet:
            for each in sent:
                if each.status != "delivered":
                    about = f"{each.type} {each.id or ''} {each.detail or ''}"
                    self._shown.say(f"{each.status}: {about}")


async def _loads(
    shown: Progress, quiet: bool, most: int = BATCH
) -> AsyncIterator[Load]:
    """Yield messages as their lines come: all that is there, at most so many."""
    number = 0
    async for text in _stdin_lines(shown, quiet):
        lines = text.split("\n")
        for start in range(0, len(lines), most):
            batch = lines[start : start + most]
            messages, problem = _read(batch, number + 1)
            number += len(batch)
            if messages:
                yield Load(messages, sum(map(len, batch)))
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


async def _settled(
    end: float, service: NotificationService, load: Load
) -> list[SendResult]:
    """Return a result for each, also when it cannot be sent, or not any more."""
    from notifyws.delivery.sender import SendResult

    try:
        return await before(end, service, load.messages)
    except UsageError as error:
        return [
            SendResult("rejected", m.type, m.id, error.message) for m in load.messages
        ]
    except NetworkFailed as error:
        return [
            SendResult("unknown", m.type, m.id, error.message) for m in load.messages
        ]
