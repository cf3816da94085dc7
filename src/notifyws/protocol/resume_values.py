"""Which values that a server chose can be said to it again when a socket is opened.

Whoever chooses them may choose one that no request can carry, or that reads as more
than one there; a listener that said it would never connect again. What goes by a frame
of a handshake may be anything that JSON can say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from notifyws.protocol.profile import Profile

LONGEST = 2000
"""Bytes of a value within a URL or a header: servers take 8 KiB for all of either."""
SURE_TO_FIT = LONGEST // 12
"""Characters that no spelling in a URL makes longer than that."""
SUBPROTOCOL = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
"""A token as HTTP has it (RFC 9110, 5.6.2); RFC 6455, 4.1 asks for one."""
COOKIE = r"[!#-+\--:<-\[\]-~]*"
"""A cookie's value (RFC 6265, 4.1.1)."""

Check = Callable[[Any], bool]


def fits_url(value: Any) -> bool:
    """Return whether a URL can carry a value, or a frame beside others."""
    if not isinstance(value, str):
        return _is_number(value)
    if len(value) <= SURE_TO_FIT:
        return True
    return len(quote(value, safe="", errors="surrogatepass")) <= LONGEST


def fits_header(value: Any) -> bool:
    """Return whether a header can carry a value."""
    if not isinstance(value, str):
        return _is_number(value)
    fits = len(value) <= LONGEST and value == value.strip()
    return fits and value.isascii() and value.isprintable()


def fits_cookie(value: Any) -> bool:
    """Return whether a cookie can carry a value, and stays one."""
    return fits_header(value) and re.fullmatch(COOKIE, str(value)) is not None


def fits_subprotocol(value: Any) -> bool:
    """Return whether a value can be part of a subprotocol."""
    return fits_header(value) and re.fullmatch(SUBPROTOCOL, str(value)) is not None


def sayable(profile: Profile, name: str) -> Check:
    """Return what tells whether a variable may have a value, wherever it is written."""
    written = f"{{{name}}}"
    carriers = _carriers(profile)
    checks = [check for check, texts in carriers if any(written in t for t in texts)]
    if len(checks) == 1:
        return checks[0]
    return lambda value: all(check(value) for check in checks)


def _carriers(profile: Profile) -> Iterator[tuple[Check, Iterable[str]]]:
    socket, resume = profile.socket, profile.resume
    last = "{last_id}"
    headed = resume is not None and resume.header is not None
    yield fits_cookie, socket.cookies.values()
    yield fits_subprotocol, socket.subprotocols
    yield fits_header, (*socket.headers.values(), socket.token, last if headed else "")
    yield fits_url, (*socket.query.values(), socket.path or "", "" if headed else last)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 10**30
