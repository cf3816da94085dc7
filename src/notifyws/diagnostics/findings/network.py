"""What is wrong on the way to the server, and what to try next; pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from notifyws.diagnostics.findings import CheckContext, Finding, span
from notifyws.errors import (
    CertificateRejected,
    NetworkFailed,
    NotifyError,
    UpgradeRefused,
)
from notifyws.protocol.failures import is_retried

__all__ = ["advice", "of_certificate", "of_clock", "of_path"]

TOLERABLE_SKEW = 60.0
"""Seconds a clock may be off before tokens could suffer."""
EXPIRING = 14.0
"""Days before a certificate's end from which it is worth a word."""
CIRCULAR = "notifyws status --check"
"""A hint that helps everywhere but in its own answer."""


def advice(layer: str, error: NotifyError, ground: CheckContext) -> str:
    """Return what to try next after an error, which does not send in a circle.

    Args:
        layer: the check that failed.
        error: what was raised; its own hint stands where nothing better is known.
        ground: what was looked at.
    """
    if not isinstance(error, NetworkFailed):
        return error.hint
    if ground.proxy is not None and not _from_beyond(error):
        return _around(ground)
    if isinstance(error, UpgradeRefused):
        return _of_upgrade(error, ground)
    if isinstance(error, CertificateRejected):
        return _of_rejected(error, ground)
    better = {
        "dns": f"correct the host in {ground.named}, or see to the name server",
        "tcp": f"start the server, or correct the port in {ground.named}",
    }
    return better.get(layer) or _straight(error.hint)


def _straight(hint: str) -> str:
    return "notifyws listen -v" if not hint or CIRCULAR in hint else hint


def _from_beyond(error: NotifyError) -> bool:
    """Tell whether an answer came from the server, so that the proxy let us through."""
    if not isinstance(error, UpgradeRefused) or error.by_proxy:
        return False
    return 300 <= error.status < 400 or error.status in (404, 410, 429, 500, 503)


def _around(ground: CheckContext) -> str:
    without = f"NO_PROXY={urlsplit(ground.url).hostname} notifyws status --check"
    return f"go around the proxy {ground.proxy}: {without}"


def _of_upgrade(error: UpgradeRefused, ground: CheckContext) -> str:
    if 300 <= error.status < 400:
        return f"put where it redirects to into {ground.named}"
    if error.status == 403:
        return "see whether this user may listen: notifyws auth whoami"
    if error.status in (404, 405, 410, 426, 200, 204):
        return _of_wrong_path(ground)
    if is_retried(error.status):
        wait = f", in {span(error.retry_after)}" if error.retry_after else ""
        return f"try again later{wait}: notifyws listen goes on trying"
    return _straight(error.hint)


def _of_wrong_path(ground: CheckContext) -> str:
    parts = urlsplit(ground.url)
    asked = parts.path
    if of_path(ground, asked) is not None:
        said = f"profile {ground.profile} speaks at {ground.path}"
        return f"take the path {asked} out of {ground.named}: {said}"
    if asked.strip("/"):
        return f"correct the path {asked} in {ground.named}"
    example = f"{parts.scheme}://{parts.netloc}/ws"
    return f"add the socket's path to {ground.named}, as in {example}"


def _of_rejected(error: CertificateRejected, ground: CheckContext) -> str:
    if error.reason == "expired":
        return f"have whoever runs {ground.host} renew it; is this clock right? date"
    if error.reason == "name":
        return f"put the name that the certificate is for into {ground.named}"
    return error.hint


def of_certificate(days: float, ground: CheckContext) -> Finding | None:
    """Judge how long the server's certificate is still good."""
    if days >= EXPIRING:
        return None
    said = f"the certificate of {ground.host} ends in {span(days * 86400)}"
    return Finding("tls", said, f"have whoever runs {ground.host} renew it before that")


def of_clock(ahead: float) -> Finding | None:
    """Judge the seconds by which the server's clock is ahead of ours."""
    if abs(ahead) <= TOLERABLE_SKEW:
        return None
    way = "behind" if ahead > 0 else "ahead of"
    said = f"this machine's clock is {abs(ahead):.0f} s {way} the server's"
    return Finding("clock", said, "set the clock: timedatectl set-ntp true")


def of_path(ground: CheckContext, asked: str) -> Finding | None:
    """Judge the path at which a socket is opened, against the profile's own.

    A path in front of the profile's is that of a gateway; a profile whose path has
    variables does not insist on it.
    """
    own = ground.path
    if own is None or "{" in own or not asked.strip("/") or asked.endswith(own):
        return None
    said = f"the socket is opened at {asked}, but profile {ground.profile} is at {own}"
    hint = f"take the path {asked} out of {ground.named}, or use another --profile"
    return Finding("path", said, hint)
