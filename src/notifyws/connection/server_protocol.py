"""How a server speaks, as far as keeping a connection to it needs to know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec import Struct

from notifyws.connection.renewal import RenewalSchedule
from notifyws.delivery.receiver import Receiver
from notifyws.protocol.failures import FailureClassifier
from notifyws.protocol.upgrade import UpgradeRequest

__all__ = ["CatchUp", "Opener", "ServerProtocol"]

Opener = Callable[[str, "str | int | datetime | None"], UpgradeRequest]
"""Says how to open a socket, given the token and where to go on."""

CatchUp = Callable[[Receiver, str], Awaitable[bool]]
"""Hands what was missed to the intake, given the token; tells whether that was all."""


class ServerProtocol(Struct, frozen=True):
    """What is particular to one server.

    Args:
        url: the socket's, for people.
        opening: says how to open a socket.
        verdicts: what a failure means.
        renewal: when and how to renew the token of a live connection.
        verify: asks, before the socket is opened, whether a token is good.
        catch_up: fetches what was missed, where the socket does not bring it.
    """

    url: str
    upgrade_request: Opener
    classifier: FailureClassifier
    renewal: RenewalSchedule | None = None
    verify: Callable[[str], Awaitable[None]] | None = None
    catch_up: CatchUp | None = None
