"""Every error the product raises on purpose, and what each means to a shell.

An error keeps its facts as attributes, speaks one plain sentence, names the next
thing to try (``hint``), and knows its exit code and the ``kind`` it has in JSON.
Foreign exceptions are translated into these at the adapters, nowhere else.

    NotifyError                     1   internal
    ├── UsageError                  2   usage
    ├── ConfigurationError          2   configuration
    ├── TimeRanOut                  3   timeout
    ├── AuthenticationFailed        4   authentication_failed
    ├── NetworkFailed               5   network_error
    │   ├── UpgradeRefused              an HTTP answer instead of a WebSocket
    │   ├── ConnectionLost              a WebSocket that ended: code and reason
    │   ├── HttpRefused                 an HTTP answer that was not the hoped-for one
    │   ├── ReplyLost                   a request that went out, and no use of an answer
    │   ├── SessionFailed               a handshake, or a server's last word on a socket
    │   ├── TokenRefused                a token that the server's own words refuse
    │   ├── NotWebSocket                an answer that is no HTTP at all
    │   │   └── NotHttp                     the same to a request: a ReplyLost as well
    │   └── CertificateRejected         TLS peer not trusted
    │       └── WeAreNotTrusted         nor are we, by that peer; exit 4
    ├── MessageRejected             6   rejected
    ├── MessageUnconfirmed          6   unconfirmed
    ├── OutputFailed               74   output
    ├── DeliveryFailed                   never reaches a user: tried again, or kept
    └── CacheFailed                     never reaches a user: memory takes over
"""

from __future__ import annotations

import re
import shlex
from typing import Literal

ORIGIN = (
    "name an Origin that the server allows: NOTIFYWS_ORIGIN=https://app.example.com"
)
"""What to do where a server asks for an Origin."""


def command(*words: object) -> str:
    """Return a command of ours to be pasted: nothing in its words is for the shell."""
    return shlex.join(["notifyws", *map(str, words)])


def hint_for(words: str, otherwise: str) -> str:
    """Return the hint that a server's own words ask for, if they do."""
    return ORIGIN if re.search(r"\borigins?\b", words, re.IGNORECASE) else otherwise


class NotifyError(Exception):
    """Base of the tree: one sentence, a hint, an exit code.

    Args:
        message: one plain sentence saying what happened and where.
        hint: the next command or change to try; empty when there is none.

    Attributes:
        retry_after: seconds the server asked to wait, ``None`` if it did not.
    """

    exit_code = 1
    kind = "internal"
    retry_after: float | None = None

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint

    def as_json(self) -> dict[str, object]:
        """Return the object that ``--json`` prints on stderr."""
        facts = {"kind": self.kind, "message": self.message, "hint": self.hint}
        return {"error": facts}


class UsageError(NotifyError):
    """The command line itself is wrong."""

    exit_code = 2
    kind = "usage"


class ConfigurationError(NotifyError):
    """A setting, file or profile is missing or wrong."""

    exit_code = 2
    kind = "configuration"


class TimeRanOut(NotifyError):
    """The time given with ``--timeout`` was over before the wish came true."""

    exit_code = 3
    kind = "timeout"


class AuthenticationFailed(NotifyError):
    """The server does not accept who we are, and nothing is left to try.

    Args:
        by_words: whether only an answer's words say so, which may be a proxy's: no
            profile and no status does.
    """

    exit_code = 4
    kind = "authentication_failed"

    def __init__(self, message: str, hint: str = "", *, by_words: bool = False) -> None:
        super().__init__(message, hint)
        self.by_words = by_words


class NetworkFailed(NotifyError):
    """The server cannot be reached, or cannot be spoken with."""

    exit_code = 5
    kind = "network_error"


class UpgradeRefused(NetworkFailed):
    """The server answered the WebSocket upgrade with plain HTTP.

    Args:
        status: the HTTP status code.
        retry_after: the ``Retry-After`` header in seconds, ``None`` if absent.
        location: where a redirect points; redirects are not followed.
        by_proxy: whether it was a proxy on the way, and not the server.
        words: the server's own, if it gave any; remote text.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int,
        retry_after: float | None = None,
        location: str | None = None,
        by_proxy: bool = False,
        words: str = "",
    ) -> None:
        super().__init__(message, hint)
        self.words, self.by_proxy, self.status = words, by_proxy, status
        self.retry_after, self.location = retry_after, location


class ConnectionLost(NetworkFailed):
    """An open WebSocket ended.

    Args:
        code: the close code; 1005 for a close without one, 1006 for none at all.
        reason: the peer's words, remote text that is not safe to print as it is.
        sent: whether the close was ours.
    """

    def __init__(self, code: int, reason: str = "", *, sent: bool = False) -> None:
        what = f"connection closed ({code})" if code != 1006 else "connection cut"
        hint = hint_for(reason, "notifyws status --check")
        if code == 1009 and sent:  # the peer's own 1009 is about a frame of ours
            hint = "let larger frames in with NOTIFYWS_MAX_SIZE=<bytes>"
        super().__init__(f"{what}: {reason}" if reason else what, hint)
        self.code, self.reason, self.sent = code, reason, sent


class HttpRefused(NetworkFailed):
    """The HTTP side answered a request with something else than success.

    Args:
        status: the HTTP status code.
        body: the answer's decoded JSON body, ``None`` when it was not JSON.
        retry_after: the ``Retry-After`` header in seconds, ``None`` if absent.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int,
        body: object = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.retry_after, self.status, self.body = retry_after, status, body


class ReplyLost(NetworkFailed):
    """A request went out, and nothing of use came back: it may have been done."""


class SessionFailed(NetworkFailed):
    """The socket opened, but its handshake, or a frame later on, ended the session.

    Args:
        means: the verdict of the profile, as in ``retry`` or ``renew once``.
    """

    def __init__(self, message: str, hint: str = "", *, means: str = "retry") -> None:
        super().__init__(message, hint)
        self.means = means


class TokenRefused(NetworkFailed):
    """The server says, in a frame or an answer of its own, that a token is no good.

    Args:
        words: the server's own, if it gave any; remote text.
    """

    def __init__(
        self, message: str, hint: str = "notifyws token --refresh", *, words: str = ""
    ) -> None:
        super().__init__(message, hint)
        self.words = words


class NotWebSocket(NetworkFailed):
    """What answers there speaks neither WebSocket nor HTTP."""


class NotHttp(ReplyLost, NotWebSocket):
    """What a request was answered is no HTTP: it may have been done all the same."""


class CertificateRejected(NetworkFailed):
    """The peer's TLS certificate is not trusted, out of time, or for another host.

    Args:
        reason: which of them.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        reason: Literal["untrusted", "expired", "early", "name"] = "untrusted",
    ) -> None:
        super().__init__(message, hint)
        self.reason = reason


class WeAreNotTrusted(CertificateRejected):
    """The peer wants a certificate of us, or another one; no token is to blame."""

    exit_code = 4
    kind = "authentication_failed"


class MessageRejected(NotifyError):
    """The server answered a message with an error."""

    exit_code = 6
    kind = "rejected"


class MessageUnconfirmed(NotifyError):
    """Nothing shows whether the server took a message."""

    exit_code = 6
    kind = "unconfirmed"


class OutputFailed(NotifyError):
    """stdout, or a file asked for, cannot be written."""

    exit_code = 74
    kind = "output"


class DeliveryFailed(NotifyError):
    """A sink did not take a notification.

    Args:
        final: whether there is no point in trying again.
        after: seconds the other side wants to be left alone; ``None`` if it is silent.
    """

    def __init__(
        self, message: str, *, final: bool = False, after: float | None = None
    ) -> None:
        super().__init__(message)
        self.final, self.after = final, after


class CacheFailed(NotifyError):
    """A token cache did not answer in time, or not with sense.

    Args:
        code: the word of its refusal, as Redis spells it; empty for none.
    """

    def __init__(self, message: str, hint: str = "", *, code: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
