"""The three notifications that everybody knows, for trying and for showing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from notifyws.samples import SAMPLES

__all__ = ["SAMPLES", "endless_samples"]

TRIPS = ("STARTED", "ARRIVING", "COMPLETED")
TRIP_WORDS = {
    "STARTED": ("Trip Started", "Your driver has started the trip"),
    "ARRIVING": ("Driver Arriving", "Your driver is two minutes away"),
    "COMPLETED": ("Trip Completed", "You have arrived; thank you for riding"),
}
SENDERS = ("Maria", "Jonas", "Aiko", "Samuel")
WORDS = (
    "I am waiting at the main entrance",
    "Running five minutes late, sorry!",
    "Could you call me back when you have a moment?",
)


def _trip(turn: int) -> dict[str, Any]:
    status, trip = TRIPS[turn % 3], str(123 + turn // 3)
    title, message = TRIP_WORDS[status]
    data = {"tripId": trip, "driverId": "456", "status": status}
    return {"title": title, "message": message, "link": f"/trips/{trip}", "data": data}


def _payment(turn: int) -> dict[str, Any]:
    payment, amount = str(789 + turn), 25.0 + turn * 7 % 60
    return {
        "title": "Payment Approved",
        "message": f"Your payment of ${amount:.2f} was approved",
        "link": f"/payments/{payment}",
        "data": {"paymentId": payment, "amount": amount, "currency": "USD"},
    }


def _chat(turn: int) -> dict[str, Any]:
    sender, chat = SENDERS[turn % 4], str(321 + turn % 4)
    return {
        "title": "New Message",
        "message": f"{sender}: {WORDS[turn % 3]}",
        "link": f"/chat/{chat}",
        "data": {"chatId": chat, "senderId": str(654 + turn % 4), "senderName": sender},
    }


MAKERS = {"trip_update": _trip, "payment_approved": _payment, "message_received": _chat}


def endless_samples() -> Iterator[dict[str, Any]]:
    """Yield notifications without id or time; the three types take turns."""
    for turn in count():
        for kind, make in MAKERS.items():
            yield {"type": kind, **make(turn)}
