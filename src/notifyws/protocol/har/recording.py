"""A HAR, read: HTTP exchanges, and sockets with their frames.

A HAR is a stranger's file. What is of another type than the format says is passed
over; what is no HAR at all, or too much, is a sentence.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from notifyws.errors import ConfigurationError
from notifyws.models import as_number
from notifyws.protocol.frames import InvalidFrame, decode, decode_all
from notifyws.protocol.since import moment_of

MOST_ENTRIES = 20_000
"""Requests that are looked at."""
MOST_FRAMES = 2_000
"""Frames of one socket that are looked at."""
LONGEST = 1 << 20
"""Characters of a body or frame that is read; what is longer is no protocol's."""
AGAIN = (
    "open the page with the developer tools open, log in, wait for a notification, and "
    "export the HAR"
)
TEXT, BINARY = 1, 2
"""Opcodes of frames, as the protocol has them."""


class Exchange(Struct, frozen=True):
    """One request and its answer.

    Args:
        number: its place in the recording.
        started: unix seconds.
        method: as in ``POST``.
        origin: as in ``https://host:port``.
        headers: of the request; lower-case names.
        body: its JSON; ``None`` where it has none.
        form: its form; ``None`` where it has none.
        answer: its JSON; ``None`` where it has none.
        answer_headers: lower-case names.
        set_cookies: what the answer sets.
        lost: whether there was an answer in JSON that is not in the recording.
    """

    number: int
    started: float
    method: str
    origin: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: Any
    form: Mapping[str, str] | None
    status: int
    answer: Any
    answer_headers: Mapping[str, str]
    set_cookies: Mapping[str, str]
    lost: bool = False


class Frame(Struct, frozen=True):
    """One frame.

    Args:
        sent: whether the page sent it.
        at: unix seconds.
        text: as it came; empty for one that is no text.
        value: its JSON, or ``None``.
        several: whether it held more than one value.
    """

    sent: bool
    at: float
    text: str
    value: Any = None
    several: bool = False


class SocketLog(Struct, frozen=True):
    """One socket: how it was opened, and what was said on it."""

    opened: Exchange
    frames: tuple[Frame, ...] = ()

    @property
    def subprotocols(self) -> list[str]:
        """What was offered."""
        offered = self.opened.headers.get("sec-websocket-protocol", "")
        return [each.strip() for each in offered.split(",") if each.strip()]


class Recording(Struct, frozen=True):
    """A HAR.

    Args:
        exchanges: over HTTP, in their order.
        sockets: that were opened.
        sanitized: whether the browser left out cookies and ``Authorization``.
    """

    exchanges: tuple[Exchange, ...]
    sockets: tuple[SocketLog, ...]
    sanitized: bool


def read_recording(text: str, where: str) -> Recording:
    """Return what a HAR holds.

    Args:
        where: its file's name, for messages.

    Raises:
        ConfigurationError: it is none, or there is no socket in it.
    """
    try:
        written = json.loads(text)
    except RecursionError:
        raise ConfigurationError(f"{where} is nested too deeply", AGAIN) from None
    except ValueError as error:
        words = f"{where} is no HAR: not JSON: {error}"
        raise ConfigurationError(words, AGAIN) from None
    entries = _dict(_dict(written).get("log")).get("entries")
    if not isinstance(entries, list):
        raise ConfigurationError(f"{where} is no HAR: no log.entries in it", AGAIN)
    exchanges: list[Exchange] = []
    sockets: list[SocketLog] = []
    for number, entry in enumerate(entries[:MOST_ENTRIES]):
        if (exchange := _exchange(number, _dict(entry))) is None:
            continue
        if _is_socket(entry, exchange):
            frames = _list(entry.get("_webSocketMessages"))[:MOST_FRAMES]
            sockets.append(SocketLog(exchange, tuple(_frames(frames))))
        else:
            exchanges.append(exchange)
    if not sockets:
        raise ConfigurationError(f"{where} holds no WebSocket", AGAIN)
    exchanges.sort(key=lambda each: each.started)
    return Recording(tuple(exchanges), tuple(sockets), _sanitized(exchanges, sockets))


def _sanitized(exchanges: list[Exchange], sockets: list[SocketLog]) -> bool:
    """Return whether nothing has a cookie or ``Authorization``: browsers drop them."""
    every = [*exchanges, *(each.opened for each in sockets)]
    return not any(
        one.cookies or one.set_cookies or "authorization" in one.headers
        for one in every
    )


def _exchange(number: int, entry: Mapping[str, Any]) -> Exchange | None:
    request, response = _dict(entry.get("request")), _dict(entry.get("response"))
    try:
        url = urlsplit(_text(request.get("url")))
        origin = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
    except ValueError:
        return None
    if url.scheme not in ("http", "https", "ws", "wss") or not url.netloc:
        return None
    body, form = _sent(_dict(request.get("postData")))
    moment = moment_of(entry.get("startedDateTime"))
    status = response.get("status")
    headers, answered = _named(request, "headers"), _named(response, "headers")
    return Exchange(
        number,
        moment.timestamp() if moment else 0.0,
        _text(request.get("method")).upper(),
        origin,
        url.path or "/",
        dict(parse_qsl(url.query, keep_blank_values=True)),
        headers,
        _named(request, "cookies") or _cookies(headers.get("cookie", "")),
        body,
        form,
        status if isinstance(status, int) else 0,
        _answer(_dict(response.get("content"))),
        answered,
        _named(response, "cookies") or _set(answered.get("set-cookie", "")),
        _is_lost(_dict(response.get("content"))),
    )


def _is_socket(entry: Any, exchange: Exchange) -> bool:
    return (
        isinstance(entry.get("_webSocketMessages"), list)
        or entry.get("_resourceType") == "websocket"
        or exchange.origin.startswith("ws")
        or exchange.headers.get("upgrade", "").lower() == "websocket"
    )


def _named(of: Mapping[str, Any], what: str) -> dict[str, str]:
    """Return a list of names and values; names of headers are lower case."""
    pairs = [_dict(each) for each in _list(of.get(what))]
    read = {_text(each.get("name")): _text(each.get("value")) for each in pairs}
    return {(n.lower() if what == "headers" else n): v for n, v in read.items() if n}


def _cookies(header: str) -> dict[str, str]:
    pairs = (each.strip().partition("=") for each in header.split(";"))
    return {name: value for name, _, value in pairs if name}


def _set(header: str) -> dict[str, str]:
    """Return what ``Set-Cookie`` sets; a browser writes several in lines."""
    return {
        name: value
        for line in header.split("\n")
        for name, value in [*_cookies(line).items()][:1]
    }


def _sent(posted: Mapping[str, Any]) -> tuple[Any, dict[str, str] | None]:
    """Return the JSON of a body, or its form."""
    kind, text = _text(posted.get("mimeType")), _text(posted.get("text"))
    text = text if len(text) <= LONGEST else ""
    if "form" in kind:
        found = _named(posted, "params") or dict(parse_qsl(text))
        return None, _parts(text) if "multipart" in kind and text else found
    return _json(text), None


def _parts(text: str) -> dict[str, str]:
    """Return the fields of a form that was sent in parts."""
    found: dict[str, str] = {}
    name, lines = "", iter(text.replace("\r", "").split("\n"))
    for line in lines:
        if named := re.search('name="([^"]+)"$', line):
            name = named[1]
        elif name and not line:
            found[name], name = next(lines, ""), ""
    return found


def _answer(content: Mapping[str, Any]) -> Any:
    text = _text(content.get("text"))
    if content.get("encoding") == "base64":
        text = _unpacked(text)
    return _json(text)


def _is_lost(content: Mapping[str, Any]) -> bool:
    """Return whether a body is missing, as browsers forget those of an earlier page."""
    size, is_json = content.get("size"), "json" in _text(content.get("mimeType"))
    return is_json and "text" not in content and isinstance(size, int) and size > 0


def _unpacked(text: str) -> str:
    try:
        return base64.b64decode(text[: 2 * LONGEST], validate=True).decode()
    except ValueError:
        return ""


def _json(text: str) -> Any:
    try:
        return decode(text if len(text) <= LONGEST else "")
    except InvalidFrame:
        return None


def _frames(messages: list[Any]) -> Iterator[Frame]:
    for each in map(_dict, messages):
        kind, data, at = each.get("type"), _text(each.get("data")), each.get("time")
        if kind not in ("send", "receive") or len(data) > LONGEST:
            continue
        if each.get("opcode") == BINARY:
            data = _unpacked(data)
        moment = (None if isinstance(at, str) else as_number(at)) or 0.0
        try:
            values = decode_all(data)
        except InvalidFrame:
            values = []
        value = values[0] if values else None
        yield Frame(kind == "send", moment, data, value, len(values) > 1)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
