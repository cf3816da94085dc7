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
RENEWING = (Verdict.RENEW, Verdict.RENEW_ONCE)


def seen_by_caller(
    error: NetworkFailed, token: AccessToken, classifier: FailureClassifier
) -> NotifyError:
    """Return what an error is to somebody who tries once, with one token."""
    refused = classifier.of(error) in RENEWING
    return token.not_accepted(error.message) if refused else error


class Outcome:
    """Translates errors of one session into facts, and remembers the last.

    Args:
        classifier: says what a failure means.
    """

    def __init__(self, classifier: FailureClassifier) -> None:
        self._classifier = classifier
        self._problem: NotifyError | None = None
        self._token: AccessToken | None = None
        self._words = ""

    def after_token(self, error: NotifyError, token: AccessToken) -> Loss:
        """Return what an error means after the server was shown a token."""
        verdict = self._classifier.of(error)
        if verdict not in RENEWING:
            return self.without_token(error)
        self._problem, self._token, self._words = error, token, _words(error)
        return Refused(token.source, error.message, verdict is Verdict.RENEW)

    def without_token(self, error: NotifyError) -> Lost | Failed:
        """Return what an error means that refuses no token: none was shown."""
        self._problem = error
        if isinstance(error, AuthenticationFailed):
            return Failed(error.message, Cause.AUTHENTICATION)
        if not isinstance(error, NetworkFailed):
            return Failed(error.message)
        return Lost(self._classifier.of(error), error.message, error.retry_after)

    def error(self, stop: Stop) -> NotifyError:
        """Return the error that the end is to a caller."""
        problem = self._problem
        assert problem is not None
        known = isinstance(problem, AuthenticationFailed)
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
        case TokenRefused(words=words) | ConnectionLost(reason=words):
            return words
        case _:
            return ""
