"""Examples of the known types, as a sender would write them; words only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "trip_update": {
        "title": "Trip Started",
        "message": "Your driver has started the trip",
        "link": "/trips/123",
        "data": {"tripId": "123", "driverId": "456", "status": "STARTED"},
    },
    "payment_approved": {
        "title": "Payment Approved",
        "message": "Your payment of $25.00 was approved",
        "link": "/payments/789",
        "data": {"paymentId": "789", "amount": 25.0, "currency": "USD"},
    },
    "message_received": {
        "title": "New Message",
        "message": "Maria: I am waiting at the main entrance",
        "link": "/chat/321",
        "data": {"chatId": "321", "senderId": "654", "senderName": "Maria"},
    },
}
"""Type -> payload."""
