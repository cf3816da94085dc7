"""Carries out ``send --lines``: one connection, many messages, in their order.

They go in batches, within a window: it begins with little, lets more go while all goes
well, and little again when it does not, so that a slow line is not filled for longer
than anybody waits. An error that names no message puts all that is on its way in doubt:
once there was one, little goes at a time.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from notifyws.cli.input import lines_from_stdin
from notifyws.cli.send_message import (
    Request,
    SendSummary,
    before,
    connected,
    print_frame,
    results_of,
)
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

DRY = 1000
"""Messages that are read at once where none is sent."""
READING = "Reading messages from stdin, a JSON object a line ..."
SHARED = 1000
"""Messages that share one ping."""
ABREAST = 4
"""Messages that are posted side by side, where no socket is needed."""
FIRST, MOST = 2_000, 16_000
"""Messages on their way; the first are those of 10 s of a server that takes 200 a
second, the most those of 0.2 s at 80,000."""
FIRST_BYTES, MOST_BYTES = 384 << 10, 8 << 20
"""Bytes of them; what a longer line holds goes all the same, alone. A line of 40 KB a
second is filled for 10 s by the first."""
MOST_BATCHES = 100
"""Batches at most, each with a ping of its own."""
GROWTH = 2
"""How much more may go for what was through in time: three times as much next."""
PROMPT = 1.0
"""Seconds within which a batch is through where all goes well."""


async def send_lines(request: Request, settings: Settings, *, dry_run: bool) -> None:
    """Send the messages of stdin's lines and say what became of each.

    Raises:
        UsageError: a line is no message; those before it were sent.
        NetworkFailed: there is no connection.
        MessageRejected, MessageUnconfirmed: some were not taken, or nothing shows it.
    """
    if dry_run:
        async for batch in _batches(Progress(), request.quiet, DRY):
            for message in batch.messages:
                print_frame(settings, message)
        return
    summary = SendSummary()
    theme = theme_on(2) if _may_draw(request) else None
    shown = Progress(theme, _size())
    try:
        async with connected(request, settings, warn=shown.warn) as service:
            sender = _BatchSender(request, service, summary, shown)
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
    sender: _BatchSender, shown: Progress, quiet: bool
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
    async for text in lines_from_stdin(shown, "" if quiet else READING):
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


class Batch(Struct, frozen=True):
    """A batch of messages, and how many bytes their lines had."""

    messages: Sequence[Message]
    size: int


class Window:
    """Counts what is on its way, in so many batches, and says whether there is room."""

    def __init__(self, batches: int = MOST_BATCHES) -> None:
        self._batches = self._messages = self._bytes = 0
        self._most_batches = batches
        self._most = MOST
        self._begin()

    def _begin(self) -> None:
        self._allowed, self._allowed_bytes = FIRST, FIRST_BYTES

    @property
    def full(self) -> bool:
        """Whether something must be through before more may go."""
        return (
            self._messages >= self._allowed
            or self._bytes >= self._allowed_bytes
            or self._batches >= self._most_batches
        )

    def sent(self, batch: Batch) -> None:
        """Take note of a batch that goes."""
        self._batches += 1
        self._messages += len(batch.messages)
        self._bytes += batch.size

    def through(self, batch: Batch, took: float, *, doubtful: bool) -> None:
        """Take note of a batch that is dealt with, and of the seconds that it took.

        It is doubtful where it is not known what became of it.
        """
        self._batches -= 1
        self._messages -= len(batch.messages)
        self._bytes -= batch.size
        if doubtful:
            self._most = FIRST
        if took > PROMPT:
            self._begin()
            return
        more, larger = GROWTH * len(batch.messages), GROWTH * batch.size
        self._allowed = min(self._allowed + more, self._most)
        self._allowed_bytes = min(self._allowed_bytes + larger, MOST_BYTES)


_Underway = tuple[Batch, float, "asyncio.Task[list[SendResult]]"]


class _BatchSender:
    """Batches on their way, each behind the other, and what prints their results."""

    def __init__(
        self,
        request: Request,
        service: NotificationService,
        summary: SendSummary,
        shown: Progress,
    ) -> None:
        self._request = request
        self._service = service
        self._summary = summary
        self._shown = shown
        self._output = Output(1)
        self._unprinted: Exception | None = None
        posted = service.sends_without_connection
        self.batch_size = 1 if posted else SHARED
        self._window = Window(ABREAST) if posted else Window()
        self._changed = asyncio.Event()
        self._ahead: asyncio.Queue[_Underway | None] = asyncio.Queue()
        self._printing = asyncio.create_task(self._print_in_order())
        self._printing.add_done_callback(lambda printing: self._changed.set())

    async def send(self, batch: Batch) -> bool:
        """Send a batch once there is room; return whether another may follow."""
        while self._window.full and not self._printing.done():
            self._changed.clear()
            await self._changed.wait()
        if self._printing.done():
            return False
        began = asyncio.get_running_loop().time()
        settling = _settled(began + self._request.timeout, self._service, batch)
        self._window.sent(batch)
        self._ahead.put_nowait((batch, began, asyncio.create_task(settling)))
        return self._unprinted is None

    async def finish(self) -> None:
        """Return once all results are printed, or raise why they cannot be."""
        self._ahead.put_nowait(None)
        await self._printing
        self._output.close()
        if self._unprinted is not None:
            raise self._unprinted

    def cancel(self) -> None:
        """Print nothing more."""
        self._printing.cancel()

    async def _print_in_order(self) -> None:
        """Print each batch's results once they are known; go on in any case."""
        now = asyncio.get_running_loop().time
        while (underway := await self._ahead.get()) is not None:
            batch, began, settling = underway
            sent = await settling
            doubtful = any(each.status == "unknown" for each in sent)
            self._window.through(batch, now() - began, doubtful=doubtful)
            self._changed.set()
            try:
                if self._unprinted is None:
                    await self._print(sent)
            except (ReaderGone, OutputFailed) as error:
                self._unprinted = error

    async def _print(self, sent: Sequence[SendResult]) -> None:
        """Print results; who reads them slowly delays no answer of the server."""
        self._summary.add(sent)
        self._shown.sent(len(sent))
        if self._request.json:
            lines = [f"{strict_json(each.as_json())}\n" for each in sent]
            await self._output.write("".join(lines).encode())
        elif not self._request.quiet:
            for each in sent:
                if each.status != "delivered":
                    about = f"{each.type} {each.id or ''} {each.detail or ''}"
                    self._shown.say(f"{each.status}: {about}")


async def _settled(
    end: float, service: NotificationService, batch: Batch
) -> list[SendResult]:
    """Return a result for each, also when it cannot be sent, or not any more."""
    try:
        return await before(end, service, batch.messages)
    except UsageError as error:
        return results_of("rejected", batch.messages, error.message)
    except NetworkFailed as error:
        return results_of("unknown", batch.messages, error.message)
