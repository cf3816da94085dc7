"""Carries out ``send``: one connection, one message, what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import Struct

from notifyws.config.settings import Settings
from notifyws.errors import (
    MessageRejected,
    MessageUnconfirmed,
    NetworkFailed,
)
from notifyws.models import Message
from notifyws.ui.streams import emit, emit_json, say, warner

if TYPE_CHECKING:
    from notifyws.delivery.receiver import Selection
    from notifyws.delivery.sender import SendResult
    from notifyws.service import NotificationService

__all__ = [
    "Request",
    "SendSummary",
    "before",
    "connected",
    "print_frame",
    "send_one",
    "service_for",
]

SEVERITY = {"delivered": 0, "unknown": 1, "rejected": 2}


class Request(Struct, frozen=True):
    """How to send: what to print, how long to try, and what to wait for.

    Args:
        timeout: seconds in all.
        json: print what became of it as JSON.
        quiet: say nothing but errors.
        wait: a JMESPath expression over the notification that answers.
    """

    timeout: float
    json: bool
    quiet: bool
    wait: str | None = None


def print_frame(settings: Settings, message: Message) -> None:
    """Print the frame that a message would be sent as."""
    from notifyws.auth.authenticator import Authenticator
    from notifyws.delivery.http_sender import frame_of

    emit(frame_of(Authenticator(settings, say), message) + "\n")


def service_for(
    request: Request,
    settings: Settings,
    selection: Selection | None = None,
    warn: Callable[[str], None] | None = None,
) -> NotificationService:
    """Return a service that is as patient as was asked for.

    Args:
        request: how patient, and whether anything is said.
        settings: where to, and as whom.
        selection: which notifications are of interest.
        warn: says a warning; on stderr when not given.
    """
    from notifyws.service import NotificationService

    patient = min(settings.open_timeout, request.timeout)
    parting = min(settings.close_timeout, request.timeout / 4)
    return NotificationService(
        replace(settings, open_timeout=patient, close_timeout=parting),
        listed=False,
        warn=warn if warn and not request.quiet else warner(request.quiet),
        selection=selection,
    )


async def connected(
    request: Request, service: NotificationService, *, listening: bool = False
) -> None:
    """Connect, where that is needed: to send, or because somebody is ``listening``.

    Raises:
        NetworkFailed: there is no connection in time.
    """
    if service.sends_without_connection and not listening:
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
    async with service_for(request, settings) as service:
        await connected(request, service)
        sent = await before(end, service, [message])
    result = sent[0]
    if request.json:
        emit_json(result.as_json())
    elif result.status == "delivered" and not request.quiet:
        say(f"Delivered {message.type}")
    SendSummary.of(sent).raise_unless_delivered()


async def before(
    end: float, service: NotificationService, messages: Sequence[Message]
) -> list[SendResult]:
    """Send, and return what became of each by ``end`` on the loop's clock."""
    from notifyws.delivery.sender import SendResult

    try:
        async with asyncio.timeout_at(end):
            return await service.send_all(messages)
    except TimeoutError:
        detail = "no answer in time"
        return [SendResult("unknown", m.type, m.id, detail) for m in messages]


@dataclass(slots=True)
class SendSummary:
    """Counts what became of messages, and keeps the worst of it for the end."""

    total: int = 0
    delivered: int = 0
    worst: SendResult | None = None
    unprinted: Exception | None = None

    @classmethod
    def of(cls, sent: Sequence[SendResult]) -> SendSummary:
        """Return the tally of these alone."""
        tally = cls()
        tally.add(sent)
        return tally

    def add(self, sent: Sequence[SendResult]) -> None:
        """Count some more."""
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
