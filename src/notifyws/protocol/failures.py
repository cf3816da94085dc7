"""What a close code or an HTTP status means for the next step (SPEC section 7).

A profile's own table is asked first, then the general one; what neither names is
retried (a close) or the end (a status).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from notifyws.errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConfigurationError,
    ConnectionLost,
    HandshakeFailed,
    HttpRefused,
    NotifyError,
    NotWebSocket,
    TokenRefused,
    UpgradeRefused,
)

__all__ = ["FailureClassifier", "Verdict"]


class Verdict(Enum):
    """What a failure means for the next step."""

    RETRY = "retry"
    """Wait by the table of delays, then connect again."""
    RETRY_NOW = "retry now"
    """Connect again at once, the first time; by the table when it repeats."""
    RENEW = "renew"
    """The token is not accepted: get another, connect at once."""
    RENEW_ONCE = "renew once"
    """The token may be the reason; a second time in a row, stop."""
    STRIKE = "strike"
    """Retry, but stop at the third in a row."""
    STOP = "stop"
    """Nothing gets better by trying again."""


_Table = tuple[tuple[range, Verdict], ...]

CLOSES: _Table = (
    (range(3000, 3001), Verdict.RENEW),
    (range(4401, 4402), Verdict.RENEW),
    (range(1008, 1009), Verdict.RENEW_ONCE),
    (range(1002, 1004), Verdict.STRIKE),
    (range(1007, 1008), Verdict.STRIKE),
    (range(1009, 1011), Verdict.STRIKE),
    (range(3500, 4000), Verdict.STOP),
    (range(4400, 4401), Verdict.STOP),
    (range(4403, 4405), Verdict.STOP),
    (range(4500, 5000), Verdict.STOP),
)
STATUSES: _Table = (
    (range(401, 402), Verdict.RENEW),
    (range(408, 409), Verdict.RETRY),
    (range(425, 426), Verdict.RETRY),
    (range(429, 430), Verdict.RETRY),
    (range(500, 600), Verdict.RETRY),
)


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    try:
        return range(int(first), int(last or first) + 1)
    except ValueError:
        message = f"{text!r} is neither a code nor a range like 4500-4999"
        raise ConfigurationError(message, "correct it in the profile") from None


def _compile(table: Mapping[str, str]) -> _Table:
    return tuple((_span(codes), Verdict(name)) for codes, name in table.items())


def _look_up(
    code: int, rows: Iterable[tuple[range, Verdict]], default: Verdict
) -> Verdict:
    return next((verdict for codes, verdict in rows if code in codes), default)


class FailureClassifier:
    """The judge of one profile.

    Args:
        closes: the profile's close codes or ranges -> verdict names.
        statuses: the same for HTTP statuses of a refused upgrade.

    Raises:
        ConfigurationError: a key is neither a code nor a range.
    """

    def __init__(
        self, closes: Mapping[str, str] = {}, statuses: Mapping[str, str] = {}
    ) -> None:
        plain = {k: v for k, v in closes.items() if " " not in k}
        self._worded = [
            (_span(codes), words, Verdict(name))
            for key, name in closes.items()
            for codes, blank, words in [key.partition(" ")]
            if blank
        ]
        self._closes = _compile(plain) + CLOSES
        self._statuses = _compile(statuses) + STATUSES

    def of(self, error: NotifyError) -> Verdict:  # noqa: PLR0911 - a table
        """Return what ``error`` means for the next step."""
        match error:
            case ConnectionLost():
                return self._worded_close(error) or _look_up(
                    error.code, self._closes, Verdict.RETRY
                )
            case HandshakeFailed(final=True):
                return Verdict.STOP
            case UpgradeRefused():
                return _look_up(error.status, self._statuses, Verdict.STOP)
            case HttpRefused(status=status) if 300 <= status < 500:
                final = _look_up(status, STATUSES, Verdict.STOP) is Verdict.STOP
                return Verdict.STOP if final else Verdict.RETRY
            case TokenRefused():
                return Verdict.RENEW
            case NotWebSocket():
                return Verdict.STRIKE
            case CertificateRejected() | AuthenticationFailed() | ConfigurationError():
                return Verdict.STOP
            case _:
                return Verdict.RETRY

    def _worded_close(self, error: ConnectionLost) -> Verdict | None:
        return next(
            (
                verdict
                for codes, words, verdict in self._worded
                if error.code in codes and words in error.reason
            ),
            None,
        )
