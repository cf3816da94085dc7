"""Why a host is not reached: the system's errors and HTTP's headers as ours.

Whoever goes over the network says it in the same words: the socket, the HTTP side and
the probes.
"""

from __future__ import annotations

import re
import ssl
from contextlib import suppress

from notifyws.clock import span
from notifyws.errors import (
    CertificateRejected,
    ConfigurationError,
    HttpRefused,
    NetworkFailed,
    NotWebSocket,
    ReplyLost,
    WeAreNotTrusted,
)

CALENDAR = 253_402_300_800
"""Unix seconds that no calendar knows: the year 10,000."""
EARLY, EXPIRED = 9, 10
"""OpenSSL's verdicts on a certificate that is not valid yet, or not any more."""
MISNAMED = (62, 64)
"""Its verdicts on one that is for another host, or another address."""
LACKING = range(80, 95)
"""Its verdicts on one that is not as Python 3.13 demands, where none was named."""
OF_US = (
    r"ALERT_((UNSUPPORTED_|BAD_)?CERTIFICATE(_REQUIRED|_EXPIRED|_REVOKED|_UNKNOWN)?"
    r"|UNKNOWN_CA|ACCESS_DENIED)$"
)
"""How OpenSSL calls what a server says of our certificate, or of having none."""
OF_ITSELF = ("ALERT_INTERNAL_ERROR", "UNRECOGNIZED_NAME")
"""How it calls what a server says of its own trouble: a proxy, say, that is given its
certificate, or the server behind it, a moment later."""
ITS_PAGE = (
    rb"<title>400 (No required SSL certificate was sent|The SSL certificate error)"
)
"""How nginx says the same, over a TLS connection that it opened all the same."""
CHECK_SCHEME = "check the URL, and ws:// against wss://"
NAMED = "NOTIFYWS_CA_FILE=/path/to/ca.pem"
SHOW = "NOTIFYWS_CLIENT_CERT must name our certificate, and NOTIFYWS_CLIENT_KEY its key"


LONGEST = 200
"""Characters of a library's words that are told."""
SENSIBLE = 86_400.0
"""Seconds; a server that wants to be left alone for longer says nothing of use."""


def unusable_proxy(why: str) -> ConfigurationError:
    """Return our error for a proxy that the environment names; its URL is a secret."""
    message = f"the proxy named in the environment cannot be used: {why}"
    return ConfigurationError(message, "correct or unset HTTPS_PROXY and ALL_PROXY")


def unreachable(error: OSError | UnicodeError, host: str) -> NetworkFailed:
    """Return our error for a host that cannot be reached."""
    import errno
    import socket

    hint = "notifyws status --check"
    if isinstance(error, socket.gaierror | UnicodeError):  # a label that cannot be
        return NetworkFailed(f"cannot find {host}: the name does not resolve", hint)
    if isinstance(error, ConnectionRefusedError):
        return NetworkFailed(f"{host} refused the connection", hint)
    reason = error.strerror or str(error) or "the connection was cut"
    if "Connect call failed" in reason:
        refused = f"[Errno {errno.ECONNREFUSED}]" in reason
        reason = "connection refused" if refused else "connection failed"
    return NetworkFailed(f"cannot reach {host}: {reason}", hint)


def certificate_rejected(
    error: ssl.SSLCertVerificationError, host: str
) -> CertificateRejected:
    """Return our error for a certificate that is not trusted."""
    code, its = error.verify_code, f"the certificate of {host}"
    message = f"{its} is not trusted: {error.verify_message}"
    if code == EARLY:
        message = f"{its} is not valid yet: the clock of this machine may be behind"
        hint = "compare with: date -u; a clock that is set later is waited for"
        return CertificateRejected(message, hint, reason="early")
    if code == EXPIRED:
        hint = f"have whoever runs {host} renew it; is this clock right? date"
        return CertificateRejected(message, hint, reason="expired")
    if code in MISNAMED:
        hint = "put the name that the certificate is for into the URL"
        return CertificateRejected(message, hint, reason="name")
    if code in LACKING:
        message = f"{its} lacks something: {error.verify_message}"
        hint = f"name its authority, which is then enough: {NAMED}"
        return CertificateRejected(message, hint)
    hint = (
        f"NOTIFYWS_CA_FILE must name a PEM file with the authority that signed it, as "
        f"in {NAMED}; openssl s_client -connect {host} shows who"
    )
    return CertificateRejected(message, hint)


def tls_failed(error: ssl.SSLError, host: str) -> NetworkFailed:
    """Return our error for a TLS connection that came to nothing."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificate_rejected(error, host)
    reason = error.reason or "handshake failed"
    why = re.sub(r"^(SSL|TLS)V\d+_", "", reason).replace("_", " ").lower()
    if reason.endswith("CERTIFICATE_REQUIRED"):
        return WeAreNotTrusted(f"{host} wants a client certificate", SHOW)
    if re.search(OF_US, reason):
        message = f"{host} does not accept our client certificate: {why}"
        return WeAreNotTrusted(message, SHOW)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        message = f"{host} ended the connection before TLS was agreed on"
        return NetworkFailed(message, "notifyws status --check")
    if reason.endswith(OF_ITSELF):
        message = f"{host} cannot speak TLS now: {why}"
        return NetworkFailed(message, "notifyws status --check")
    hint = "is it ws:// instead of wss://?"
    if reason.endswith("HANDSHAKE_FAILURE"):  # so older servers say it
        hint = f"does it want a client certificate? {SHOW}"
    return NotWebSocket(f"{host} does not speak TLS: {why}", hint)


def may_be_done(error: NetworkFailed) -> bool:
    """Return whether a server may have done what such an error answered.

    A gateway that says 502 or 504 has lost the reply of the server behind it.
    """
    gateway = isinstance(error, HttpRefused) and error.status in (502, 504)
    return gateway or isinstance(error, ReplyLost)


def demand_welcome(status: int, body: bytes | bytearray, host: str) -> None:
    """Raise where an answer is nginx's page about our certificate.

    Raises:
        WeAreNotTrusted: it wants one, or does not accept ours.
    """
    found = re.search(ITS_PAGE, body) if status == 400 else None
    if found:
        wants = found[1].startswith(b"No ")
        what = "wants a" if wants else "does not accept our"
        raise WeAreNotTrusted(f"{host} {what} client certificate", SHOW)


def plainly(error: BaseException) -> str:
    """Return what a library says is wrong, without the answer that it quotes."""
    said = re.split(r": (?:b['\"]|bytearray)|(?<=value|hrase): ", str(error))[0]
    return said[:LONGEST] or type(error).__name__


def later(wait: float | None) -> str:
    """Return when to try again, as far as a server's word on it makes sense."""
    named = wait is not None and 1 <= wait <= SENSIBLE
    return f"try again later{f', in {span(wait)}' if named and wait else ''}"


def retry_after(text: str | None) -> float | None:
    """Return a ``Retry-After`` header in seconds; ``None`` when it says nothing."""
    import time

    if text is None:
        return None
    if text.strip().isdigit() and text.isascii():
        return float(text.strip()[:9])
    moment = http_date(text)
    return None if moment is None else max(0.0, moment - time.time())


def http_date(text: str) -> float | None:
    """Return an HTTP date as unix seconds; ``None`` when it is none."""
    from email.utils import mktime_tz, parsedate_tz  # twenty modules, seldom needed

    parsed = parsedate_tz(text)
    with suppress(ValueError, OverflowError):  # as in the year 99999
        moment = None if parsed is None else mktime_tz(parsed)
        if moment is not None and abs(moment) < CALENDAR:  # a zone may have any digits
            return float(moment)
    return None
