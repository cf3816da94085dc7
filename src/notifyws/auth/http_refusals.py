"""What an answer of the HTTP side means that is not as hoped for.

The profile says what its statuses and words mean; here it becomes an error that shows
the server's own sentence, without what must not be shown. Servers refuse a login with
any status and put their sentence anywhere: what speaks of the account or a token is a
refusal of who we are, whatever its status. A proxy may speak so too, so the error tells
whether only words do. Only the server knows what is wrong, so its words choose the
hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from notifyws.auth.network_errors import later, retry_after
from notifyws.auth.proxies import around, may_be_the_proxys, proxy_name
from notifyws.errors import AuthenticationFailed, HttpRefused, NotifyError, TokenRefused
from notifyws.models import printable
from notifyws.protocol.expressions import compiled, truthy
from notifyws.protocol.failures import LONGEST, http_meaning, is_retried, is_servers_own
from notifyws.protocol.masking import masked, redirected
from notifyws.protocol.profile import Meaning, Profile, Step
from notifyws.protocol.token_replies import Answer

REFUSALS = ("bad credentials", "log in again", "expired")
"""What an answer may mean that does not accept what was shown."""

PLACES = (
    *("message", "error_description", "errorDescription", "detail", "details"),
    *("description", "reason", "msg", "title", "error", "errors"),
)
"""Where servers put a sentence, the best place first."""
ABOUT = 2000
"""Characters of an answer in which such words are looked for."""
DEPTH = 4
"""How far down one is looked for, as in ``errors[0].message``."""

_TOKEN = (
    r"unauthori[sz]ed|(un|not )authenticated|authentication (failed|required)"
    r"|invalid[ _-](grant|client)"
    r"|(invalid|expired|revoked|bad|wrong|unknown)[ _-]([^\W_]+[ _-]){0,2}"
    r"(token|session|jwt|api.?key|credential)"
    r"|(token|session|jwt|api.?key|credentials?)\b.{0,20}"
    r"\b(invalid|expired|revoked|not valid|unknown|wrong)|token_expired"
)
"""Words that refuse a token."""
_NAMED = r"(user|username|login|password|e-?mail|otp|code)"
_PASSWORD = (
    rf"{_TOKEN}|(invalid|incorrect|wrong|bad|unknown)[ _-]([^\W_]+[ _-]){{0,2}}{_NAMED}"
    rf"|\b{_NAMED}\b.{{0,30}}\b(invalid|incorrect|wrong|not found|unknown|must be)"
)
"""Words that refuse a username or a password."""

TOKEN = "create a personal access token at {origin}, and set NOTIFYWS_TOKEN"
AGAIN = "then: notifyws auth login"
WRONG = "correct the username or password"
ACCOUNTS = {
    r"lock(ed|out)|suspend|inactive|not active|deactivat|too.many|\bbanned"
    r"|(account|user).{0,30}(disabled|blocked)": (
        f"wait, or ask an administrator, {AGAIN}"
    ),
    r"single.sign|\bsso\b|saml|\bldap|sign in (using|with)|auth.?service"
    r"|invalid.provider|(login|sign.in) with password|password (login|sign)": TOKEN,
    r"\b[mt]fa\b|\b2fa\b|\bt?otp\b|_otp\b|(two|second|multi).?factor": TOKEN,
    r"password.{0,30}(expired|change)|change.{0,20}password": (
        f"set a new password at {{origin}}, {AGAIN}"
    ),
    r"(not|un).{0,12}(verified|confirmed)|(verify|confirm).{0,20}e-?mail": (
        f"confirm the account's e-mail address, {AGAIN}"
    ),
    r"not (yet )?valid|in the future|used before|clock": (
        f"is this clock right? date; {AGAIN}"
    ),
    r"not allowed|permission|forbidden|access.denied|local only|remotely": (
        f"ask an administrator to let this account in, {AGAIN}"
    ),
}
"""Words by which a server speaks of the account -> what helps; the first counts."""


class Refusal(Struct, frozen=True):
    """What it means that a server does not accept what was shown.

    Args:
        what: the server does, for a sentence that begins with its origin.
        hint: the next command or change to try.
        means: what a refused status is taken for.
        words: those by which any other status refuses as well.
        user: who wants to log in; empty for a token.
    """

    kind: type[NotifyError]
    what: str
    hint: str
    means: Meaning = "bad credentials"
    words: str = _TOKEN
    user: str = ""


SPENT = Refusal(
    AuthenticationFailed, "refused the refresh token", "notifyws auth login"
)
STALE = Refusal(
    TokenRefused, "does not accept the token", "notifyws token --refresh", "expired"
)


def bad_credentials(username: str, password: str = "") -> Refusal:
    """Return what it means that a login is refused."""
    spaced = password != password.strip()
    wrong = "take the space off the password's end" if spaced else WRONG
    return Refusal(
        AuthenticationFailed,
        f"refused the username or password of {username}",
        f"{wrong}, {AGAIN}",
        words="|".join((_PASSWORD, *ACCOUNTS)),
        user=username,
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
        refusal: what it means that what was shown is not accepted.
        hidden: what must not be shown; a server may repeat what it was told.
    """
    status, body = reply.status, reply.body
    accepted = status in step.accept
    if accepted and (step.ok is None or truthy(compiled(step.ok)(body))):
        return None
    meant, words, hint = http_meaning(profile.http, status, body, refusal.means)
    words = masked(one_line(words) or own_words(reply), hidden)
    about = " | ".join((words, *_texts(body)))[:ABOUT]
    named = status < 500 and not is_retried(status) and _speaks(refusal.words, about)
    if meant in REFUSALS or (meant in (None, "stop") and named):
        error = _refusal(refusal, origin, words, about, hint)
        if isinstance(error, AuthenticationFailed):
            error.by_words = meant not in REFUSALS and not is_servers_own(status)
        return error
    shown = {name: masked(value, hidden) for name, value in reply.headers.items()}
    towards = redirected(status, shown.get("location"))
    unexpected = ", but not with what the profile expects" if accepted else ""
    wait = retry_after(shown.get("retry-after"))
    proxy = proxy_name(origin)
    if proxy and may_be_the_proxys(status):
        then = around(proxy, urlsplit(origin).hostname)
    elif is_retried(status):
        then = later(wait)
    else:
        then = "check the server's URL and --profile"
    answered = f"{origin}{step.path} answered {status}"
    return HttpRefused(
        f"{answered}{towards}{unexpected}{words and f': {words}'}",
        hint or then,
        status=status,
        body=body,
        retry_after=wait,
    )


def _refusal(
    refusal: Refusal, origin: str, words: str, about: str, hint: str
) -> NotifyError:
    what = refusal.what
    if refusal.user and words:
        if " " in words:  # a sentence tells it better than we do; a code does not
            what = f"refused the login of {refusal.user}"
        helps = (ACCOUNTS[row] for row in ACCOUNTS if _speaks(row, about))
        hint = hint or next(helps, "").format(origin=origin)
    message = f"{origin} {what}{words and f': {words}'}"
    error = refusal.kind(message, hint or refusal.hint)
    if isinstance(error, TokenRefused):
        error.words = words
    return error


def _speaks(words: str, text: str) -> bool:
    return re.search(f"(?i){words}", text) is not None


def _texts(value: Any, depth: int = DEPTH) -> Iterator[str]:
    """Yield what is text in an answer, without the names it stands under."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part, depth - 1)


def own_words(reply: Answer) -> str:
    """Return the sentence by which a server says why; empty when it gives none."""
    challenge = reply.headers.get("www-authenticate", "")
    described = re.search(r'error_description="([^"]*)"', challenge)
    said = _sentence(reply.body) or reply.text
    return one_line(said or (described[1] if described else ""))


def _sentence(value: Any, depth: int = DEPTH) -> str:
    """Return the first text in the places for one."""
    if isinstance(value, str):
        return value.strip()
    if depth == 0 or not isinstance(value, dict | list):
        return ""
    parts = value
    if isinstance(value, dict):
        named = [value[name] for name in PLACES if name in value]
        parts = named or (list(value.values()) if depth < DEPTH else [])
    return next(filter(None, (_sentence(part, depth - 1) for part in parts)), "")


def one_line(words: str) -> str:
    """Return a server's sentence as one line without anything but characters."""
    return " ".join(printable(words[:LONGEST]).split())
