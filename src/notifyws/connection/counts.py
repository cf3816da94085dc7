"""How often a session's connections were lost, and tries failed, by fixed words; pure.

The words are few and ours, and no text of a server is among them, so that whoever
keeps a series for each keeps few.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, get_args

from notifyws.errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConnectionLost,
    HttpRefused,
    NotifyError,
    NotWebSocket,
    SessionFailed,
    UpgradeRefused,
)
from notifyws.protocol.failures import Verdict

Reason = Literal[
    "closed",
    "cut",
    "refused",
    "token",
    "certificate",
    "slow_reader",
    "unreachable",
    "deaf",
]
"""Closed by the server; cut, or silent; refused by an answer; the token is no good;
the certificate is not trusted; left because whoever reads is slow; not reached; left
because it brought not all that the server had."""
REASONS: tuple[Reason, ...] = get_args(Reason)


def reason_of(error: NotifyError, verdict: Verdict) -> Reason:
    """Return the word for an error.

    Args:
        error: what ended a connection, or a try.
        verdict: what it means at this server.
    """
    if verdict in (Verdict.RENEW, Verdict.RENEW_ONCE):
        return "token"
    match error:
        case AuthenticationFailed():
            return "token"
        case CertificateRejected():
            return "certificate"
        case ConnectionLost(code=code):
            return "cut" if code == 1006 else "closed"
        case UpgradeRefused() | HttpRefused() | SessionFailed() | NotWebSocket():
            return "refused"
        case _:
            return "unreachable"


class ConnectionCounts:
    """What came of the connections of one session.

    Attributes:
        reconnects: connections after the first, by why the one before it ended.
        failures: tries that came to nothing.
    """

    def __init__(self) -> None:
        self.reconnects: Counter[Reason] = Counter()
        self.failures: Counter[Reason] = Counter()
        self._ended: Reason | None = None
        self._is_open = False

    def opened(self) -> None:
        """A connection is there."""
        if self._ended is not None:
            self.reconnects[self._ended] += 1
        self._ended, self._is_open = None, True

    def failed(self, reason: Reason) -> None:
        """The connection was lost, or a try to have one came to nothing."""
        if self._is_open:
            self._ended, self._is_open = reason, False
        else:
            self.failures[reason] += 1
