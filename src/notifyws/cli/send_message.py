"""Carries out ``send`` of one message: what became of it, and what answered.

What counts as an answer is decided where notifications arrive, so that none is taken
for one that came before the message was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from notifyws.config.settings import Settings
from notifyws.delivery.filters import matcher
from notifyws.errors import (
    MessageRejected,
    MessageUnconfirmed,
    NetworkFailed,
    NotifyError,
    TimeRanOut,
)
from notifyws.models import Message, Notification
from notifyws.tasks import cancel
from notifyws.ui.streams import emit, emit_json, say, warner

if TYPE_CHECKING:
    from notifyws.delivery.sender import SendResult
    from notifyws.service import NotificationService

SEVERITY = {"delivered": 0, "unknown": 1, "rejected": 2}
GRACE = 0.3
"""Seconds after an answer in which the server may still reject the message: what came
may have been news by chance."""


class Request(Struct, frozen=True):
    """How to send: what to print, how long to try, and what to wait for.

    Args:
        timeout: seconds in all.
        wait: a JMESPath expression over the notification that answers.
    """

    timeout: float
    json: bool
    quiet: bool
    wait: str | None = None


def print_frame(settings: Settings, message: Message) -> None:
    """Print the frame that a message would be sent as."""
    from notifyws.auth.authenticator import Authenticator
    from notifyws.delivery.build import frame_of

    emit(frame_of(Authenticator(settings, say), message) + "\n")


@asynccontextmanager
async def connected(
    request: Request,
    settings: Settings,
    *,
    answer: Answer | None = None,
    warn: Callable[[str], None] | None = None,
) -> AsyncIterator[NotificationService]:
    """Yield a service with the time limits that were asked for, connected.

    Where messages are posted and no answer is awaited, it needs no connection.

    Raises:
        NetworkFailed: there is no connection in time.
    """
    from notifyws.service import NotificationService

    open_timeout = min(settings.open_timeout, request.timeout)
    close_timeout = min(settings.close_timeout, request.timeout / 4)
    async with NotificationService(
        replace(settings, open_timeout=open_timeout, close_timeout=close_timeout),
        listed=False,
        warn=warn if warn and not request.quiet else warner(request.quiet),
        selection=answer,
    ) as service:
        if answer is not None or not service.sends_without_connection:
            try:
                async with asyncio.timeout(request.timeout):
                    await service.connect()
            except TimeoutError:
                message = f"no connection within {request.timeout:g} s"
                raise NetworkFailed(message, "notifyws status --check") from None
        yield service


async def send_one(request: Request, settings: Settings, message: Message) -> None:
    """Send a message and say what became of it.

    Raises:
        NetworkFailed: there is no connection.
        MessageRejected, MessageUnconfirmed: it was not taken, or nothing shows it.
    """
    end = asyncio.get_running_loop().time() + request.timeout
    async with connected(request, settings) as service:
        sent = await before(end, service, [message])
    _report(request, message, sent)


def _report(request: Request, message: Message, sent: Sequence[SendResult]) -> None:
    if request.json:
        emit_json(sent[0].as_json())
    elif sent[0].status == "delivered" and not request.quiet:
        say(f"Delivered {message.type}")
    summary = SendSummary()
    summary.add(sent)
    summary.raise_unless_delivered()


async def before(
    end: float, service: NotificationService, messages: Sequence[Message]
) -> list[SendResult]:
    """Send, and return what became of each by ``end`` on the loop's clock."""
    try:
        async with asyncio.timeout_at(end):
            return await service.send_all(messages)
    except TimeoutError:
        return results_of("unknown", messages, "no answer in time")


def results_of(
    status: Literal["rejected", "unknown"], messages: Sequence[Message], detail: str
) -> list[SendResult]:
    """Return the same result for each message."""
    from notifyws.delivery.sender import SendResult

    return [SendResult(status, each.type, each.id, detail) for each in messages]


@dataclass(slots=True)
class SendSummary:
    """Counts what became of messages, and keeps the worst of it for the end."""

    total: int = 0
    delivered: int = 0
    unknown: int = 0
    worst: SendResult | None = None

    def add(self, sent: Sequence[SendResult]) -> None:
        """Count some more."""
        self.total += len(sent)
        self.delivered += sum(each.status == "delivered" for each in sent)
        self.unknown += sum(each.status == "unknown" for each in sent)
        known = filter(None, [self.worst, *sent])
        self.worst = max(known, key=lambda each: SEVERITY[each.status], default=None)

    def raise_unless_delivered(self) -> None:
        """Raise for the worst that became of any of them."""
        if self.worst is None or self.worst.status == "delivered":
            return
        bad, many = self.total - self.delivered, self.total > 1
        what = f"{bad} of {self.total} messages" if many else "the message"
        if self.worst.status == "rejected":
            was = "were not taken" if many else "was rejected"
            hint = "correct it by what the server says, and send it again"
            if self.unknown:
                hint += f"; but {self.unknown} that are unknown may have arrived"
            raise MessageRejected(f"{what} {was}: {self.worst.detail}", hint)
        hint = "look at the other side before sending again: it may have arrived"
        message = f"nothing shows whether {what} arrived: {self.worst.detail}"
        raise MessageUnconfirmed(message, hint)


class Answer:
    """Waits for the first notification after the message that makes a test true.

    It is the service's selection: of all notifications it admits that one.

    Args:
        now: monotonic seconds.
    """

    def __init__(
        self, test: Callable[[Notification], bool], now: Callable[[], float]
    ) -> None:
        self._test = test
        self._now = now
        self._sent_at: float | None = None
        self.came = asyncio.Event()
        self.notification: Notification | None = None
        self.round_trip = 0.0

    @property
    def satisfied(self) -> bool:
        """Whether it came."""
        return self.notification is not None

    def expect(self) -> None:
        """The message is about to be sent: from now on notifications count."""
        self._sent_at = self._now()

    def passes(self, notification: Notification) -> bool:
        """Return whether it would be the answer."""
        expected = self._sent_at is not None and not self.satisfied
        return expected and self._test(notification)

    def admits_unseen(self, count: int) -> bool:
        """Return whether any so many pass: none does."""
        return False

    def count_admitted(self, count: int) -> None:
        """Count nothing: it admits none unseen."""

    def admit(self, notification: Notification) -> bool:
        """Return whether this is the answer."""
        if self._sent_at is None or not self.passes(notification):
            return False
        self.round_trip = self._now() - self._sent_at
        self.notification = notification
        self.came.set()
        return True


async def send_and_wait(request: Request, settings: Settings, message: Message) -> None:
    """Send a message, wait for its answer, and print that.

    Raises:
        UsageError: the expression does not parse.
        NetworkFailed: there is no connection, or it was lost.
        MessageRejected: the server does not take the message.
        TimeRanOut: no notification answered in time.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + request.timeout
    assert request.wait is not None
    test = matcher(request.wait, "--wait", warner(request.quiet))
    answer = Answer(test, loop.time)
    async with connected(request, settings, answer=answer) as service:
        answer.expect()
        sending = asyncio.ensure_future(before(end, service, [message]))
        try:
            notification = await _answered(
                end, request, message, service, answer, sending
            )
        finally:
            await cancel(sending)
    _print(request, message, notification, answer.round_trip * 1000)


async def _answered(
    end: float,
    request: Request,
    message: Message,
    service: NotificationService,
    answer: Answer,
    sending: asyncio.Future[list[SendResult]],
) -> Notification:
    """Return the answer: proof enough, unless the server says no beside it."""
    coming = asyncio.ensure_future(answer.came.wait())
    ending = asyncio.ensure_future(service.closed())
    facts: tuple[asyncio.Future[Any], ...] = coming, ending, sending
    try:
        async with asyncio.timeout_at(end):
            await asyncio.wait(facts, return_when="FIRST_COMPLETED")
            await asyncio.wait({sending}, timeout=GRACE if coming.done() else 0)
            if sending.done() and (sent := sending.result())[0].status == "rejected":
                _report(request, message, sent)
            await asyncio.wait({coming, ending}, return_when="FIRST_COMPLETED")
    except TimeoutError:
        if answer.notification is None:  # also not in the last moment
            said = f"no notification fitted --wait within {request.timeout:g} s"
            hint = "give --timeout more time, or see what comes: notifyws listen --json"
            raise TimeRanOut(said, hint) from None
    finally:
        for task in (coming, ending):
            task.cancel()
        ended = (await asyncio.gather(coming, ending, return_exceptions=True))[1]
    if answer.notification is not None:
        return answer.notification
    if isinstance(ended, NotifyError):
        raise ended
    raise NetworkFailed("the connection ended before an answer came", "send it again")


def _print(request: Request, message: Message, answer: Notification, ms: float) -> None:
    if request.json:
        facts: dict[str, Any] = {"status": "delivered", "type": message.type}
        facts |= {} if message.id is None else {"id": message.id}
        facts["roundTripMs"] = round(ms, 1)
        emit_json({**facts, "notification": answer.as_json()})
    else:
        emit(answer.line() + "\n")
    if not request.quiet:
        say(f"Delivered {message.type}; answered in {ms:.0f} ms")
