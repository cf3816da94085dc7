"""Places: where streams stand that a server numbers by itself, from frame to frame.

A place is what the next connection says to go on without a loss. It lives as long as
the process; the id of a notification, where one is enough, is the cursor's. Only what a
handshake asked for has one, whatever streams a server names.

Who chooses the values of a place, or an id, may choose one that no request can carry,
or that reads as more than one there; a listener that said it would never connect again.
What goes by a frame of a handshake may be anything that JSON can say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from notifyws.protocol.expressions import compiled, truthy
from notifyws.protocol.profile import Follow, Profile

FOLLOWING = "following"
"""The variable that is set where a place is known."""
MOST = 10_000
"""Streams that have a place: those that were asked for last."""
LONGEST = 2000
"""Bytes of a value within a URL or a header: servers take 8 KiB for all of either."""
SURE_TO_FIT = LONGEST // 12
"""Characters that no spelling in a URL makes longer than that."""
SUBPROTOCOL = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
"""A token as HTTP has it (RFC 9110, 5.6.2); RFC 6455, 4.1 asks for one."""
COOKIE = r"[!#-+\--:<-\[\]-~]*"
"""A cookie's value (RFC 6265, 4.1.1)."""

Check = Callable[[Any], bool]
"""Tells whether a value can be said again."""


class Places:
    """The places of one listener, one for each stream.

    What a handshake says counts once it is done: until then nothing of it was handed
    over.

    Args:
        fits: by variables, tells whether a value of theirs can be said when the next
            socket is opened; a place with one that cannot is not known.

    Attributes:
        covers_everything: whether this connection began where the one before it ended.
    """

    def __init__(
        self,
        follow: Follow,
        fits: Mapping[str, Check] = MappingProxyType({}),
    ) -> None:
        self._fits = fits
        self._found = {name: compiled(e) for name, e in follow.variables.items()}
        self._stream = compiled(follow.stream) if follow.stream else None
        self._kept = compiled(follow.kept) if follow.kept else None
        self._lost = compiled(follow.lost) if follow.lost else None
        self._places: dict[Any, dict[str, Any]] = {} if self._stream else {None: {}}
        self._said: dict[Any, dict[str, Any]] = {}
        self.covers_everything = False

    def begin(self) -> None:
        """Begin a connection: nothing was said on it yet."""
        self._said = {}
        self.covers_everything = any(map(self.known, self._places))

    def ask(self, stream: Any) -> Mapping[str, Any]:
        """Let a stream have a place; return the variables of it, if it had one.

        One that is no text and no number never has one.
        """
        if not isinstance(stream, str | int | float):
            return {}
        self._places[stream] = self._places.pop(stream, {})
        if len(self._places) > MOST:
            del self._places[next(iter(self._places))]
        return self.known(stream)

    def known(self, stream: Any = None) -> Mapping[str, Any]:
        """Return the variables of a stream's place; none unless all are known."""
        place = self._places[stream] if self._has_place(stream) else {}
        whole = len(place) == len(self._found) and None not in place.values()
        return {**place, FOLLOWING: True} if whole else {}

    def heard(self, value: Any) -> None:
        """Take what comes while hands are shaken."""
        if self._lost is not None and truthy(self._lost(value)):
            self.covers_everything = False
        self._note(self._said, value, self._stream_of(value))

    def answered(self, value: Any, stream: Any) -> None:
        """Take the answer to a handshake step that asked for a stream."""
        kept = self._kept is None or truthy(self._kept(value))
        if not kept or not self.known(stream):
            self.covers_everything = False
        self._note(self._said, value, stream)

    def opened(self) -> None:
        """Take for true what was said: hands are shaken."""
        for stream, said in self._said.items():
            self._places.get(stream, {}).update(said)
        self._said = {}

    def follow(self, value: Any) -> None:
        """Take what comes on a connection that is open."""
        self._note(self._places, value, self._stream_of(value))

    def _stream_of(self, value: Any) -> Any:
        return None if self._stream is None else self._stream(value)

    def _has_place(self, stream: Any) -> bool:
        told = isinstance(stream, str | int | float | None)
        return told and stream in self._places

    def _note(self, places: dict[Any, dict[str, Any]], value: Any, stream: Any) -> None:
        if not self._has_place(stream):
            return
        found = {name: search(value) for name, search in self._found.items()}
        said = {k: v for k, v in found.items() if v is not None and v is not False}
        for name, fits in self._fits.items():
            if name in said and not fits(said[name]):
                said[name] = None
        if said:
            places.setdefault(stream, {}).update(said)


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
