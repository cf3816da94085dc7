"""What an error means to the reconnect machine, and which error its end means to us.

The machine knows no errors and the callers of a session know no machine: this is the
border between them. How often connections were lost, and tries failed, is counted by
fixed words: they are few and ours, and no text of a server is among them, so that
whoever keeps a series for each keeps few.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, get_args

from notifyws.auth.cached_tokens import AccessToken
from notifyws.clock import Clock
from notifyws.connection.connection import Connection
from notifyws.connection.ports import Dial, Keepalive, Place, ServerProtocol
from notifyws.connection.reconnect import Cause, Failed, Loss, Lost, Refused, Stop
from notifyws.errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConnectionLost,
    HttpRefused,
    NetworkFailed,
    NotifyError,
    NotWebSocket,
    SessionFailed,
    TokenRefused,
    UpgradeRefused,
)
from notifyws.protocol.failures import FailureClassifier, Verdict

CHECK = "notifyws status --check"
GOOD = "the server hung up during the handshake, though it takes the token"
"""What is said of one that was asked in doubt."""
NO_RIGHT = "use an account or token that may do this, or ask whoever runs the server"
RENEWING = (Verdict.RENEW, Verdict.RENEW_ONCE)


def denied(error: NotifyError) -> AuthenticationFailed:
    """Return what an error is to a caller that refuses who we are."""
    hint = error.hint if error.hint not in ("", CHECK) else NO_RIGHT
    return AuthenticationFailed(error.message, hint)


async def opened(
    protocol: ServerProtocol,
    token: AccessToken,
    place: Place | None,
    dial: Dial,
    keepalive: Keepalive,
    clock: Clock,
) -> Connection:
    """Return an open connection; where the token may be why there is none, ask that.

    Raises:
        TokenRefused: it is.
        NetworkFailed: it came to nothing.
    """
    request = protocol.upgrade_request(token.value, place)
    try:
        return await Connection.open(dial, request, keepalive, clock, protocol.ask)
    except SessionFailed as error:
        if error.means != "renew once" or not protocol.doubts:
            raise
        assert protocol.verify is not None
        try:
            await protocol.verify(token.value)
        except TokenRefused:
            raise
        except NetworkFailed:
            raise error from None  # nobody knows
        raise SessionFailed(GOOD, error.hint) from None


class Outcome:
    """Translates errors of one session into facts, and remembers the last.

    Attributes:
        worked: whether there was a connection already.
        counts: of what came of each.
    """

    def __init__(self, classifier: FailureClassifier) -> None:
        self._classifier = classifier
        self.worked = False
        self.counts = ConnectionCounts()
        self._problem: NotifyError | None = None
        self._token: AccessToken | None = None
        self._words = ""

    def opened(self) -> None:
        """Take note that there is a connection."""
        self.worked = True
        self.counts.opened()

    @property
    def is_answer(self) -> bool:
        """Whether the server itself, or a proxy for it, said the last failure."""
        said = UpgradeRefused, HttpRefused, SessionFailed, TokenRefused
        return isinstance(self._problem, said)

    def after_token(self, error: NotifyError, token: AccessToken) -> Loss:
        """Return what an error means after the server was shown a token."""
        verdict = self._of(error)
        if verdict not in RENEWING:
            return self.without_token(error)
        self.counts.failed(reason_of(error, verdict))
        self._problem, self._token, self._words = error, token, _words(error)
        blamed = self._classifier.blames_token(error)
        cause = Cause.AUTHENTICATION if blamed else Cause.NETWORK
        certain = verdict is Verdict.RENEW
        return Refused(token.source, error.message, certain, cause)

    def without_token(self, error: NotifyError) -> Lost | Failed:
        """Return what an error means that refuses no token: none was shown."""
        self._problem = error
        verdict = self._of(error)
        self.counts.failed(reason_of(error, verdict))
        if isinstance(error, NetworkFailed) or verdict is Verdict.RETRY:
            return Lost(verdict, error.message, error.retry_after)
        refused = isinstance(error, AuthenticationFailed)
        cause = Cause.AUTHENTICATION if refused else Cause.NETWORK
        return Failed(error.message, cause)

    def _of(self, error: NotifyError) -> Verdict:
        return self._classifier.of(error, worked=self.worked)

    def error(self, stop: Stop) -> NotifyError:
        """Return the error that the end is to a caller."""
        problem = self._problem
        assert problem is not None
        known = isinstance(problem, AuthenticationFailed)
        if self._of(problem) is Verdict.DENIED:
            return denied(problem)
        if stop.cause is Cause.AUTHENTICATION and not known:
            assert self._token is not None
            return self._token.not_accepted(self._words or stop.reason)
        token = self._token
        if known and token and token.source == "static" and self._words:
            return token.not_accepted(self._words)  # nobody else says why
        if problem.message == stop.reason:
            return problem
        return NetworkFailed(stop.reason, problem.hint or CHECK)


def _words(error: NotifyError) -> str:
    """Return what a server itself said when it refused a token."""
    match error:
        case TokenRefused(words=words) | UpgradeRefused(words=words):
            return words
        case ConnectionLost(reason=words):
            return words
        case _:
            return ""


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
    if verdict in RENEWING:
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
