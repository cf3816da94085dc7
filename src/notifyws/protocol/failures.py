"""What a failure means for the next step: closes, statuses, answers.

A profile's own table is asked first, then the general one; what neither names is
retried (a close) or the end (a status). Nobody else decides by them what is done next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from notifyws.errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConfigurationError,
    ConnectionLost,
    HttpRefused,
    NetworkFailed,
    NotifyError,
    NotWebSocket,
    SessionFailed,
    TokenRefused,
    UpgradeRefused,
    hint_for,
)
from notifyws.models import as_text
from notifyws.protocol.expressions import compiled, later, truthy

if TYPE_CHECKING:
    from notifyws.protocol.profile import Failing, Failure, Http, Meaning, Rule


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
    DENIED = "denied"
    """The server knows who we are and does not want us: stop, and let none restart."""


CLOSES = {
    "3000": "renew",
    "4401": "renew",
    "1008": "renew once",
    "1002-1003": "strike",
    "1007": "strike",
    "1009-1010": "strike",
    "3500-3999": "stop",
    "4400": "stop",
    "4403-4404": "stop",
    "4500-4999": "stop",
}
"""What close codes mean where a profile does not say; all others are retried."""
NO_TOKEN = (
    r"\b(invalid|expired|missing|revoked|unknown|wrong|bad|no|malformed)[ _-]+"
    r"([a-z]+[ _-]+)?(token|jwt|session|credentials?|signature|api[ _-]?key)\b"
    r"|\b(token|jwt|session|credentials?)\b[^.]{0,24}\b(invalid|expired|revoked|"
    r"refused|rejected|missing|required|not valid|not accepted)\b"
    r"|\bunauthori[sz]ed\b|\bunauthenticated\b|\bnot (authenticated|logged in)\b"
    r"|\b(authentication|authorization|auth|login)[ _-]+(failed|required|error)\b"
)
"""Words of a close that refuse the token, whatever its code is."""
OF_ITSELF = (1001, *range(1011, 1016))
"""Codes by which a server speaks of itself (RFC 6455, 7.4.1): once it has worked, its
words are those of its own database or shutdown as well, and refuse no token."""
NO_RIGHT = r"\bforbidden\b|\b(permission|access) denied\b|\bnot authori[sz]ed\b"
"""Words of a close that refuse who we are, where its code is the end anyway."""
STATUSES = {
    "401": "renew",
    "408": "retry",
    "425": "retry",
    "429": "retry",
    "500-599": "retry",
}
"""The same for the HTTP statuses of a refused upgrade; all others are the end."""
ERRORS = (
    (TokenRefused, Verdict.RENEW),
    (NotWebSocket, Verdict.STRIKE),
    (CertificateRejected, Verdict.STOP),
    (AuthenticationFailed, Verdict.STOP),
    (ConfigurationError, Verdict.STOP),
)
"""The same for what has neither; all others are retried."""
PASSING = (HttpRefused, NotWebSocket, CertificateRejected)
"""What a proxy in front says while the server behind it restarts, besides a status of
its own at the upgrade; a box on the way may say it as well. So none of it is final at a
server that has worked, and neither is a refusal that only its words tell."""
SERVERS_OWN = (400, 401, 422)
"""Statuses of an answer that a proxy does not give for a server that is away."""
LONGEST = 300
"""Characters of a server's words that are told."""

_Row = tuple[range, str, Verdict]
"""Codes, words that the reason must hold, and what they mean."""


def _span(codes: str) -> range:
    first, _, last = codes.partition("-")
    try:
        return range(int(first), int(last or first) + 1)
    except ValueError:
        message = f"{codes!r} is neither a code nor a range like 4500-4999"
        raise ConfigurationError(message, "correct it in the profile") from None


def _rows(*tables: Mapping[str, str]) -> list[_Row]:
    """Return tables as rows; those that name words stand before all others."""
    keyed = [
        (*key.partition(" ")[::2], Verdict(name))
        for table in tables
        for key, name in table.items()
    ]
    rows = [(_span(codes), words, verdict) for codes, words, verdict in keyed]
    return sorted(rows, key=lambda row: not row[1])


def _look_up(code: int, rows: list[_Row], reason: str = "") -> Verdict | None:
    fitting = (row for row in rows if code in row[0] and row[1] in reason)
    return next((verdict for _, _, verdict in fitting), None)


_CLOSES, _STATUSES = _rows(CLOSES), _rows(STATUSES)


def is_servers_own(status: int) -> bool:
    """Return whether words are the server's own beyond doubt, by their HTTP status."""
    return status in SERVERS_OWN


def is_retried(status: int) -> bool:
    """Return whether an HTTP status says that trying again may help."""
    return _look_up(status, _STATUSES) is Verdict.RETRY


def _passes(error: NotifyError) -> bool:
    if isinstance(error, AuthenticationFailed):
        return error.by_words
    return isinstance(error, PASSING)


class FailureClassifier:
    """Says what a failure means at servers of one profile.

    Args:
        closes: the profile's close codes or ranges -> verdict names.
        statuses: the same for HTTP statuses of a refused upgrade.

    Raises:
        ConfigurationError: a key is neither a code nor a range.
    """

    def __init__(
        self, closes: Mapping[str, str] = {}, statuses: Mapping[str, str] = {}
    ) -> None:
        self._closes = _rows(closes)
        self._statuses = _rows(statuses, STATUSES)

    def of(self, error: NotifyError, *, worked: bool = False) -> Verdict:
        """Return what ``error`` means for the next step.

        Args:
            worked: whether this server has worked in this process; then only what the
                profile itself names is final.
        """
        if isinstance(error, UpgradeRefused):
            named = _look_up(error.status, self._statuses)
            return named or (Verdict.RETRY if worked else Verdict.STOP)
        if worked and isinstance(error, ConnectionLost) and error.code in OF_ITSELF:
            return _look_up(error.code, self._closes, error.reason) or Verdict.RETRY
        verdict = self._of(error)
        final = verdict in (Verdict.STOP, Verdict.STRIKE)
        return Verdict.RETRY if worked and final and _passes(error) else verdict

    def _of(self, error: NotifyError) -> Verdict:
        match error:
            case ConnectionLost():
                return self._of_close(error)
            case HttpRefused(status=status) if 300 <= status < 500:
                final = _look_up(status, _STATUSES) is None
                return Verdict.STOP if final else Verdict.RETRY
            case CertificateRejected(reason="early"):
                return Verdict.RETRY
            case SessionFailed(means=means):
                return Verdict(means)
            case _:
                known = (verdict for kind, verdict in ERRORS if isinstance(error, kind))
                return next(known, Verdict.RETRY)

    def _of_close(self, lost: ConnectionLost) -> Verdict:
        if (named := _look_up(lost.code, self._closes, lost.reason)) is not None:
            return named
        if not lost.sent and re.search(NO_TOKEN, lost.reason, re.IGNORECASE):
            return Verdict.RENEW
        general = _look_up(lost.code, _CLOSES) or Verdict.RETRY
        denies = re.search(NO_RIGHT, lost.reason, re.IGNORECASE)
        return Verdict.DENIED if general is Verdict.STOP and denies else general

    def blames_token(self, error: NotifyError) -> bool:
        """Return whether it is the token that "renew once" doubts, or us at large."""
        if not isinstance(error, ConnectionLost):
            return True
        return _look_up(error.code, self._closes, error.reason) is not None


def refused(
    said: Failing | Rule, closes: Mapping[str, str]
) -> Callable[[Any], tuple[str | None, str]]:
    """Return what reads a frame by which a server refuses to go on.

    Args:
        said: where the frame holds a code and words, and what it means by itself.
        closes: of the profile; what it says of the code comes first.

    Returns:
        A function of the frame's value: what it means, if anything, and the words.
    """
    rows = _rows(closes)
    code = later(said.code) if said.code else None
    message = later(said.message) if said.message else None

    def read(value: Any) -> tuple[str | None, str]:
        words = as_text(message(value)) if message else ""
        number = code(value) if code else None
        known = _look_up(number, rows, words) if type(number) is int else None
        return known.value if known else said.means, words

    return read


def refusal(what: str, means: str, words: str) -> NetworkFailed:
    """Return the error for a server's own words that it will not go on.

    Args:
        what: a sentence about what it refused.
        means: a verdict's name, or ``expired``.
        words: the server's; remote text.
    """
    words = words[:LONGEST]
    said = f": {words}" if words else ""
    if means in ("expired", "renew"):
        message = f"the server does not accept the token{said}"
        return TokenRefused(message, words=words)
    hint = hint_for(words, "notifyws status --check")
    return SessionFailed(f"{what}{said}", hint, means=means)


def http_meaning(
    http: Http, status: int, body: Any, refused: Meaning
) -> tuple[Meaning | None, str, str]:
    """Return what an answer means that is no success, the server's words, and a hint.

    Args:
        refused: what a refused status means in this place.
    """
    for failure in http.failures:
        if _fits(failure, status, body):
            said = compiled(failure.message)(body) if failure.message else None
            return failure.means, as_text(said)[:LONGEST], failure.hint
    return refused if status in http.refused else None, "", ""


def _fits(failure: Failure, status: int, body: Any) -> bool:
    if failure.status is not None and status not in _span(failure.status):
        return False
    return failure.when is None or truthy(compiled(failure.when)(body))
