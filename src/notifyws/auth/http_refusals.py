"""What an answer of the HTTP side means that is not as hoped for.

The profile says what its statuses and words mean; here it becomes an error, with the
server's own words, and without what must not be shown.
"""

from __future__ import annotations

from msgspec import Struct

from notifyws.auth.network_errors import retry_after
from notifyws.errors import (
    AuthenticationFailed,
    HttpRefused,
    NotifyError,
    TokenRefused,
)
from notifyws.protocol.expressions import compiled, truthy
from notifyws.protocol.failures import http_meaning, is_retried
from notifyws.protocol.masking import masked, redirected
from notifyws.protocol.profile import Meaning, Profile, Step
from notifyws.protocol.token_replies import Answer

REFUSALS = ("bad credentials", "log in again", "expired")
"""What an answer may mean that does not accept what was shown."""


class Refusal(Struct, frozen=True):
    """What it means that a server does not accept what was shown.

    Args:
        kind: of the error.
        what: the server does, for a sentence that begins with its origin.
        hint: the next command or change to try.
        means: what a refused status is taken for.
    """

    kind: type[NotifyError]
    what: str
    hint: str
    means: Meaning = "bad credentials"


SPENT = Refusal(
    AuthenticationFailed, "refused the refresh token", "notifyws auth login"
)
STALE = Refusal(
    TokenRefused, "does not accept the token", "notifyws token --refresh", "expired"
)


def bad_credentials(username: str) -> Refusal:
    """Return what it means that a login is refused."""
    return Refusal(
        AuthenticationFailed,
        f"refused the username or password of {username}",
        "correct the username or password, then: notifyws auth login",
    )


def refused(
    origin: str,
    profile: Profile,
    step: Step,
    reply: Answer,
    refusal: Refusal,
    hidden: tuple[str, ...],
) -> NotifyError | None:
    """Return the error for an answer, ``None`` when it is as hoped for.

    Args:
        origin: whose answer it is.
        profile: says what it means.
        step: was answered so.
        reply: the answer.
        refusal: what it means that what was shown is not accepted.
        hidden: what must not be shown; a server may repeat what it was told.
    """
    status, body = reply.status, reply.body
    accepted = status in step.accept
    if accepted and (step.ok is None or truthy(compiled(step.ok)(body))):
        return None
    meant, words = http_meaning(profile.http, status, body, refusal.means)
    words = masked(words, hidden)
    said = f": {words}" if words else ""
    if meant in REFUSALS:
        error = refusal.kind(f"{origin} {refusal.what}{said}", refusal.hint)
        if isinstance(error, TokenRefused):
            error.words = words
        return error
    shown = {name: masked(value, hidden) for name, value in reply.headers.items()}
    towards = redirected(shown.get("location"))
    unexpected = ", but not with what the profile expects" if accepted else ""
    wait = retry_after(shown.get("retry-after"))
    hint = "check the server's URL and --profile"
    if is_retried(status):
        hint = "try again later" + (f", in {wait:.0f} s" if wait else "")
    answered = f"{origin}{step.path} answered {status}"
    return HttpRefused(
        f"{answered}{towards}{unexpected}{said}",
        hint,
        status=status,
        headers=shown,
        body=body,
        retry_after=wait,
    )
