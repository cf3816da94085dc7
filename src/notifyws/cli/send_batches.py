"""How ``send --lines`` has many messages on their way: in batches, within a window.

The window begins with little, lets more go while all goes well, and little again when
it does not, so that a slow line is not filled for longer than anybody waits. An error
that names no message puts all that is on its way in doubt: once there was one, little
goes at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from notifyws.cli.send_message import Request, SendSummary, before, results_of
from notifyws.errors import NetworkFailed, OutputFailed, UsageError
from notifyws.models import Message, strict_json
from notifyws.ui.output import Output
from notifyws.ui.progress import Progress
from notifyws.ui.streams import ReaderGone

if TYPE_CHECKING:
    from notifyws.delivery.sender import SendResult
    from notifyws.service import NotificationService

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


class Batch(Struct, frozen=True):
    """A batch of messages, and how many bytes their lines had."""

    messages: Sequence[Message]
    size: int


class Window:
    """Counts what is on its way, and says whether there is room for more.

    Args:
        batches: how many may be on their way at most.
    """

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
        """Take note of a batch that is dealt with.

        Args:
            batch: which one.
            took: seconds from when it went.
            doubtful: whether what became of it is not known.
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


class BatchSender:
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
