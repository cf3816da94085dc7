"""Carries out ``send --wait``: sends, and waits for the notification that answers.

What counts is decided where notifications arrive, so that none is taken for an answer
that came before the message was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from notifyws.config.settings import Settings
from notifyws.delivery.filters import matcher
from notifyws.errors import NetworkFailed, NotifyError, TimeRanOut
from notifyws.models import Message, Notification
from notifyws.ui.streams import emit, emit_json, say, warner

if TYPE_CHECKING:
    from notifyws.cli.send_message import Request
    from notifyws.delivery.sender import SendResult
    from notifyws.service import NotificationService

__all__ = ["Answer", "send_and_wait"]

GRACE = 0.3
"""Seconds after an answer in which the server may still reject the message: what came
may have been news by chance."""


class Answer:
    """Waits for the first notification after the message that makes a test true.

    It is the service's selection: of all notifications it admits that one.

    Args:
        test: tells whether a notification answers.
        now: monotonic seconds.
    """

    def __init__(
        self, test: Callable[[Notification], bool], now: Callable[[], float]
    ) -> None:
        self._test = test
        self._now = now
        self._sent_at: float | None = None
        self._came = asyncio.Event()
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

    def admit(self, notification: Notification) -> bool:
        """Return whether this is the answer."""
        if self._sent_at is None or not self.passes(notification):
            return False
        self.round_trip = self._now() - self._sent_at
        self.notification = notification
        self._came.set()
        return True

    async def came(self) -> Notification:
        """Return it once it is there."""
        await self._came.wait()
        assert self.notification is not None
        return self.notification


async def send_and_wait(request: Request, settings: Settings, message: Message) -> None:
    """Send a message, wait for its answer, and print that.

    Raises:
        UsageError: the expression does not parse.
        NetworkFailed: there is no connection, or it was lost.
        MessageRejected: the server does not take the message.
        TimeRanOut: no notification answered in time.
    """
    from notifyws.cli.send_message import before, connected, service_for

    loop = asyncio.get_running_loop()
    end = loop.time() + request.timeout
    assert request.wait is not None
    test = matcher(request.wait, "--wait", warner(request.quiet))
    answer = Answer(test, loop.time)
    async with service_for(request, settings, answer) as service:
        await connected(request, service, listening=True)
        answer.expect()
        sending = asyncio.ensure_future(before(end, service, [message]))
        try:
            notification = await _answered(end, request, service, answer, sending)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    _print(request, message, notification, answer.round_trip)


async def _answered(
    end: float,
    request: Request,
    service: NotificationService,
    answer: Answer,
    sending: asyncio.Future[list[SendResult]],
) -> Notification:
    """Return the answer: it is proof enough, unless the server says no beside it.

    Raises:
        MessageRejected: the server does not take the message.
        TimeRanOut: it did not come in time.
        NotifyError: it cannot come any more; says why.
    """
    coming = asyncio.ensure_future(answer.came())
    ending = asyncio.ensure_future(service.closed())
    facts: tuple[asyncio.Future[Any], ...] = coming, ending, sending
    try:
        async with asyncio.timeout_at(end):
            await asyncio.wait(facts, return_when="FIRST_COMPLETED")
            await asyncio.wait({sending}, timeout=GRACE if coming.done() else 0)
            if sending.done():
                _want_taken(request, sending.result()[0])
            await asyncio.wait({coming, ending}, return_when="FIRST_COMPLETED")
    except TimeoutError:
        if answer.notification is not None:
            return answer.notification  # it came in the last moment
        message = f"no notification fitted --wait within {request.timeout:g} s"
        hint = "give --timeout more time, or see what comes: notifyws listen --json"
        raise TimeRanOut(message, hint) from None
    finally:
        for task in (coming, ending):
            task.cancel()
        ended = (await asyncio.gather(coming, ending, return_exceptions=True))[1]
    if answer.notification is not None:
        return answer.notification
    if isinstance(ended, NotifyError):
        raise ended
    raise NetworkFailed("the connection ended before an answer came", "send it again")


def _want_taken(request: Request, sent: SendResult) -> None:
    """Raise where the server does not take the message, so that no answer will come.

    Raises:
        MessageRejected: says why.
    """
    from notifyws.cli.send_message import SendSummary

    if sent.status == "rejected":
        if request.json:
            emit_json(sent.as_json())
        SendSummary.of([sent]).raise_unless_delivered()


def _print(
    request: Request, message: Message, answer: Notification, seconds: float
) -> None:
    milliseconds = seconds * 1000
    if request.json:
        facts: dict[str, Any] = {"status": "delivered", "type": message.type}
        facts |= {} if message.id is None else {"id": message.id}
        facts["roundTripMs"] = round(milliseconds, 1)
        emit_json({**facts, "notification": answer.as_json()})
    else:
        emit(answer.line() + "\n")
    if not request.quiet:
        say(f"Delivered {message.type}; answered in {milliseconds:.0f} ms")
