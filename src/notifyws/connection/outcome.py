"""What an error means to the reconnect machine, and which error its end means to us.

The machine knows no errors and the callers of a session know no machine: this is the
border between them.
"""

from __future__ import annotations

from notifyws.auth.cached_tokens import AccessToken
from notifyws.connection.reconnect import Cause, Failed, Loss, Lost, Refused, Stop
from notifyws.errors import (
    AuthenticationFailed,
    ConnectionLost,
    NetworkFailed,
    NotifyError,
    TokenRefused,
)
from notifyws.protocol.failures import FailureClassifier, Verdict

CHECK = "notifyws status --check"
NO_RIGHT = "use an account or token that may do this, or ask whoever runs the server"
RENEWING = (Verdict.RENEW, Verdict.RENEW_ONCE)


def seen_by_caller(
    error: NetworkFailed, token: AccessToken, classifier: FailureClassifier
) -> NotifyError:
    """Return what an error is to somebody who tries once, with one token."""
    verdict = classifier.of(error)
    if verdict is Verdict.DENIED:
        return _denied(error)
    return token.not_accepted(error.message) if verdict in RENEWING else error


def _denied(error: NotifyError) -> AuthenticationFailed:
    hint = error.hint if error.hint not in ("", CHECK) else NO_RIGHT
    return AuthenticationFailed(error.message, hint)


class Outcome:
    """Translates errors of one session into facts, and remembers the last.

    Args:
        classifier: says what a failure means.

    Attributes:
        worked: whether there was a connection already.
    """

    def __init__(self, classifier: FailureClassifier) -> None:
        self._classifier = classifier
        self.worked = False
        self._problem: NotifyError | None = None
        self._token: AccessToken | None = None
        self._words = ""

    def after_token(self, error: NotifyError, token: AccessToken) -> Loss:
        """Return what an error means after the server was shown a token."""
        verdict = self._of(error)
        if verdict not in RENEWING:
            return self.without_token(error)
        self._problem, self._token = error, token
        self._words = _words(error) if token.source == "static" else ""
        blamed = self._classifier.blames_token(error)
        cause = Cause.AUTHENTICATION if blamed else Cause.NETWORK
        certain = verdict is Verdict.RENEW
        return Refused(token.source, error.message, certain, cause)

    def without_token(self, error: NotifyError) -> Lost | Failed:
        """Return what an error means that refuses no token: none was shown."""
        self._problem = error
        if isinstance(error, AuthenticationFailed):
            return Failed(error.message, Cause.AUTHENTICATION)
        if not isinstance(error, NetworkFailed):
            return Failed(error.message)
        return Lost(self._of(error), error.message, error.retry_after)

    def _of(self, error: NotifyError) -> Verdict:
        return self._classifier.of(error, worked=self.worked)

    def error(self, stop: Stop) -> NotifyError:
        """Return the error that the end is to a caller."""
        problem = self._problem
        assert problem is not None
        known = isinstance(problem, AuthenticationFailed)
        if self._of(problem) is Verdict.DENIED:
            return _denied(problem)
        if stop.cause is Cause.AUTHENTICATION and not known:
            assert self._token is not None
            return self._token.not_accepted(stop.reason)
        if known and self._token is not None and self._words:
            return self._token.not_accepted(self._words)  # nobody else says why
        if problem.message == stop.reason:
            return problem
        return NetworkFailed(stop.reason, problem.hint or CHECK)


def _words(error: NotifyError) -> str:
    """Return what a server itself said when it refused a token."""
    match error:
        case TokenRefused(words=words) | ConnectionLost(reason=words):
            return words
        case _:
            return ""
