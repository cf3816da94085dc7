"""The three notifications that everybody knows, for trying and for showing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from notifyws.samples import SAMPLES

__all__ = ["endless_samples"]

ARRIVING = ("Driver Arriving", "Your driver is two minutes away")
COMPLETED = ("Trip Completed", "You have arrived; thank you for riding")
LATE = "Jonas: Running five minutes late, sorry!"
CALL = "Aiko: Could you call me back when you have a moment?"
CHANGES: dict[str, tuple[dict[str, Any], ...]] = {
    "trip_update": (
        {},
        {"title": ARRIVING[0], "message": ARRIVING[1], "status": "ARRIVING"},
        {"title": COMPLETED[0], "message": COMPLETED[1], "status": "COMPLETED"},
    ),
    "payment_approved": (
        {},
        {"message": "Your payment of $32.00 was approved", "amount": 32.0},
        {"message": "Your payment of $39.00 was approved", "amount": 39.0},
    ),
    "message_received": (
        {},
        {"message": LATE, "senderId": "655", "senderName": "Jonas"},
        {"message": CALL, "senderId": "656", "senderName": "Aiko"},
    ),
}
"""Type -> what is different in each of its turns, in the payload or in its data."""


def endless_samples() -> Iterator[dict[str, Any]]:
    """Yield notifications without id or time; the three types take turns."""
    for turn in count():
        for kind, sample in SAMPLES.items():
            changes = CHANGES[kind][turn % 3]
            data = {**sample["data"], **changes}
            data = {key: data[key] for key in sample["data"]}
            texts = {key: value for key, value in changes.items() if key not in data}
            yield {"type": kind, **sample, **texts, "data": data}
