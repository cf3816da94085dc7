"""What was found, and what to try next, judged from facts alone; pure.

Each judgement returns nothing where all is well, else one sentence that holds the
reason, and the next command. What frames show of a profile is told in words as well.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from notifyws.auth.network_errors import later
from notifyws.auth.proxies import around, may_be_the_proxys
from notifyws.clock import span
from notifyws.config.urls import shown_url
from notifyws.errors import (
    ORIGIN,
    CertificateRejected,
    ConnectionLost,
    HttpRefused,
    NetworkFailed,
    NotifyError,
    SessionFailed,
    TokenRefused,
    UpgradeRefused,
    command,
)
from notifyws.models import Notification, strict_json
from notifyws.protocol.arrivals import (
    Arrival,
    Many,
    NotUnderstood,
    ServerError,
    SessionEnded,
)
from notifyws.protocol.failures import is_retried

TOLERABLE_SKEW = 60.0
"""Seconds a clock may be off before tokens could suffer."""
EXPIRING = 14.0
"""Days before a certificate's end from which it is worth a word."""
SHOWN = 400
"""Characters of a notification that are told."""


Status = Literal["pass", "warn", "fail", "skip"]


class Finding(Struct, frozen=True):
    """What came of one check, or what else is not well.

    Args:
        status: ``skip`` when it was not tried, or there is nothing to try.
        detail: what was seen: one sentence that holds the reason.
        hint: the next command, or the next step of a person, when it did not pass.
        left_out: whether it was not tried, because one before it failed.
        trace: what was said and what came back, in order, without secrets.
    """

    name: str
    status: Status
    detail: str
    hint: str = ""
    exit_code: int = 0
    left_out: bool = False
    trace: tuple[str, ...] = ()
    error: NotifyError | None = None

    def as_json(self) -> dict[str, Any]:
        """Return ``{"name", "status", "detail", "hint"?}``."""
        facts = {"name": self.name, "status": self.status, "detail": self.detail}
        return {**facts, "hint": self.hint} if self.hint else facts


def warning(name: str, detail: str, hint: str) -> Finding:
    """Return what works, but not well."""
    return Finding(name, "warn", detail, hint)


def skipped(why: str) -> Finding:
    """Return what a check says that has nothing to look at."""
    return Finding("", "skip", why)


class CheckContext(Struct, frozen=True):
    """What findings stand on.

    Args:
        url: the socket's URL.
        source: where that was said.
        path: where the profile has its socket; ``None`` where it does not say.
        proxy: the host of the proxy that the environment names for the URL.
        here: this machine's name.
        checked: whether the server was asked as well.
        user: the user's id, where it is configured.
        needs: names of what the profile leaves open to the user.
    """

    url: str = ""
    source: str = "default"
    profile: str = "default"
    path: str | None = None
    proxy: str | None = None
    here: str = ""
    checked: bool = False
    user: str = ""
    needs: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The host of the URL, with its port if that has one."""
        return urlsplit(self.url).netloc

    @property
    def named(self) -> str:
        """The URL's source, as the end of a sentence."""
        return f"the URL (it comes from {self.source})"


def advice(layer: str, error: NotifyError, context: CheckContext) -> str:
    """Return what to try next after an error, which does not send in a circle.

    Args:
        error: what was raised; its own hint stands where nothing better is known.
    """
    if not isinstance(error, NetworkFailed):
        return error.hint
    if context.proxy is not None and not _from_beyond(error):
        return around(context.proxy, urlsplit(context.url).hostname)
    if isinstance(error, UpgradeRefused):
        return _of_upgrade(error, context)
    if isinstance(error, CertificateRejected):
        return error.hint.replace("the URL", context.named)
    if isinstance(error, SessionFailed) and _straight(error.hint) != error.hint:
        return _of_refused(context)
    better = {
        "dns": f"correct the host in {context.named}, or see to the name server",
        "tcp": f"start the server, or correct the port in {context.named}",
    }
    return better.get(layer) or _straight(error.hint)


def _straight(hint: str) -> str:
    """Return a hint that does not lead here again."""
    return hint if hint and "status --check" not in hint else "notifyws listen -v"


def _from_beyond(error: NetworkFailed) -> bool:
    """Tell whether an answer came from the server, so that the proxy let us through."""
    if isinstance(error, UpgradeRefused | HttpRefused):
        by_proxy = isinstance(error, UpgradeRefused) and error.by_proxy
        return not (by_proxy or may_be_the_proxys(error.status))
    return isinstance(error, TokenRefused | SessionFailed | ConnectionLost)


def _of_upgrade(error: UpgradeRefused, context: CheckContext) -> str:
    if 300 <= error.status < 400:
        return f"put where it redirects to into {context.named}"
    if error.status == 403:
        return f"see whether this user may listen: notifyws auth whoami; or {ORIGIN}"
    if error.status in (404, 405, 410, 426, 200, 204):
        return _of_wrong_path(context)
    if is_retried(error.status):
        return f"{later(error.retry_after)}: notifyws listen goes on trying"
    return _straight(error.hint)


def _of_wrong_path(context: CheckContext) -> str:
    parts = urlsplit(context.url)
    asked = parts.path
    if context.path is not None:
        said = f"profile {context.profile} is sought at {context.path}"
        correct = f"correct the path {asked} in" if asked.strip("/") else "see to"
        return f"{correct} {context.named}, or use another --profile: {said}"
    if asked.strip("/"):
        return f"correct the path {asked} in {context.named}"
    example = f"{parts.scheme}://{parts.netloc}/ws"
    return f"add the socket's path to {context.named}, as in {example}"


def _of_refused(context: CheckContext) -> str:
    """Return what to try where a handshake or a subscription came to nothing."""
    place = shown_url(context.url)
    check = command("profile", "check", context.profile, "--url", place)
    asked = ""
    if context.needs:
        named = " and ".join(context.needs)
        asked = f"may this user have {named} of NOTIFYWS_VARIABLES? "
    return f"{asked}see each step: {check}"


def of_complaint(words: str, context: CheckContext) -> Finding:
    """Judge an error that the server sends on a connection that it keeps open."""
    said = f"connected, but the server says: {words}"
    return warning("ping", said, _of_refused(context))


def of_certificate(days: float, context: CheckContext) -> Finding | None:
    """Judge how long the server's certificate is still good."""
    if days >= EXPIRING:
        return None
    said = f"the certificate of {context.host} ends in {span(days * 86400)}"
    hint = f"have whoever runs {context.host} renew it before that"
    return warning("tls", said, hint)


def of_our_certificate(name: str, days: float) -> Finding | None:
    """Judge how long the certificate is still good that we show the server."""
    if days >= EXPIRING:
        return None
    said = f"our certificate of {name} ends in {span(days * 86400)}"
    return warning("tls", said, "have it renewed: NOTIFYWS_CLIENT_CERT names the file")


def of_clock(ahead: float) -> Finding | None:
    """Judge the seconds by which the server's clock is ahead of ours."""
    if abs(ahead) <= TOLERABLE_SKEW:
        return None
    way = "behind" if ahead > 0 else "ahead of"
    said = f"this machine's clock is {abs(ahead):.0f} s {way} the server's"
    return warning("clock", said, "set the clock: timedatectl set-ntp true")


def meaning(arrival: Arrival) -> str:
    """Return what the rules make of a frame, in words."""
    match arrival:
        case Notification():
            return f"a notification: {strict_json(arrival.as_json())[:SHOWN]}"
        case Many(()):
            return "a rule fits, but it finds no notification in it"
        case Many(arrivals):
            return "; ".join(map(meaning, arrivals[:3]))
        case NotUnderstood(reason):
            return f"not understood: {reason}"
        case ServerError(words) | SessionEnded(message=words):
            return f"the server's error: {words}"
        case _:
            return f"no notification: {type(arrival).__name__}"


class Ids:
    """Sees whether the profile's id is one: never the same with other content.

    Attributes:
        last: the latest id.
        twice: the first that came again with other content; ``None`` while none did.
    """

    def __init__(self) -> None:
        self._seen: dict[str | int, int] = {}
        self._without = 0
        self.last: str | int | None = None
        self.twice: str | int | None = None

    def note(self, notification: Notification) -> None:
        """Take a notification that arrived."""
        if (ident := notification.id) is None:
            self._without += 1
            return
        self.last, content = ident, hash(notification.line())  # a flood fits in, too
        if self._seen.setdefault(ident, content) != content and self.twice is None:
            self.twice = ident

    @property
    def words(self) -> str:
        """What was seen, in words; empty where nothing came."""
        if self.twice is not None:
            return f"the id {self.twice} came twice, with other content"
        of_them = f", {self._without} without" if self._without else ""
        seen = len(self._seen)
        return f"{seen} different ids{of_them}" if seen or self._without else ""
