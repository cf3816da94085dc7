"""The nouns of the product: notification, message, token, account.

Frozen values, no reading of the world. What the server said is kept as it said it;
what it left out is derived here and nowhere else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from msgspec import Struct, field

TokenSource = Literal["cache", "refresh", "login", "static"]

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def strict_json(value: object) -> str:
    """Return ``value`` as one line of ASCII-safe strict JSON.

    Raises:
        ValueError: ``value`` holds NaN or an infinity.
    """
    return _encode(value)


def as_text(value: object) -> str:
    """Return a field for people: text as it is, nothing for null, else its JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def as_number(value: object) -> float | None:
    """Return a number, or a text that is one, as it came from outside.

    ``None`` for all else: true and false, NaN, and a whole number of so many digits
    that no float holds it.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


def printable(text: str) -> str:
    """Return a text with a blank for each character that cannot be printed."""
    return "".join(each if each.isprintable() else " " for each in text)


class Masked(Struct, frozen=True):
    """A value whose ``repr`` leaves out the fields that ``masked`` names: secrets."""

    masked: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        names = (name for name in self.__struct_fields__ if name not in self.masked)
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({shown})"


class Frame(Struct, frozen=True):
    """A frame as it was received, for those who asked for frames as they are.

    Args:
        text: all of it; a binary one as the text that it is.
        has_news: whether a notification in it was wanted; each stands before it.
    """

    text: str
    has_news: bool = False

    @classmethod
    def of(cls, frame: str | bytes, has_news: bool) -> Frame:
        """Return a frame, whatever kind it was sent as."""
        text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
        return cls(text, has_news)


class Notification(Struct, frozen=True, eq=False):
    """One notification.

    Args:
        fields: the server's own fields and values, in its order; unknown ones too.
        received: RFC 3339 UTC time of receipt, the ``timestamp`` of last resort.
        frame: the JSON text that ``fields`` were read from; ``None`` if there is none.
        server: which of several servers it came from, by our own name for it; empty
            where only one is listened to. Whatever that server says of it counts less.
    """

    fields: Mapping[str, Any]
    received: str
    frame: str | None = None
    server: str = ""

    @property
    def type(self) -> str:
        """What kind of notification this is; required."""
        return as_text(self.fields["type"])

    @property
    def title(self) -> str:
        """Its headline; empty when the server gave none."""
        return as_text(self.fields.get("title"))

    @property
    def message(self) -> str:
        """Its text; empty when the server gave none."""
        return as_text(self.fields.get("message"))

    @property
    def words(self) -> str:
        """What it says to people: its message, or else data that is plain itself."""
        if (message := self.message) or isinstance(self.data, dict | list):
            return message
        data = as_text(self.data)
        return "" if data == self.title else data

    @property
    def link(self) -> str | None:
        """A path or URL; ``None`` when the server gave none."""
        link = self.fields.get("link")
        return link if isinstance(link, str) and link else None

    @property
    def data(self) -> Any:
        """Whatever the server attached, as decoded JSON; ``None`` if nothing."""
        return self.fields.get("data")

    @property
    def id(self) -> str | int | None:
        """The server's own identity of it; ``None`` where it keeps no history."""
        ident = self.fields.get("id")
        if isinstance(ident, str):
            return ident or None
        return ident if type(ident) is int else None

    @property
    def timestamp(self) -> str:
        """When it happened, as the server wrote it, else the time of receipt."""
        return as_text(self.fields.get("timestamp")) or self.received

    def as_json(self) -> dict[str, Any]:
        """Return the server's fields in its order, what was missing at the end."""
        return {**self.fields, **self._added()}

    def line(self) -> str:
        """Return it as one line of ASCII-safe strict JSON, without the newline.

        The frame's own text stays where it can, because a number that is read and
        written again may change.
        """
        frame, fields = self.frame, self.fields
        if frame is None or not frame.isascii() or "\n" in frame or "\r" in frame:
            return strict_json(self.as_json())
        if self.server:
            if "server" in fields:
                return strict_json(self.as_json())
        elif "title" in fields and "message" in fields and "timestamp" in fields:
            return frame
        added = [f',"{k}":{strict_json(v)}' for k, v in self._added().items()]
        return "".join([frame.rstrip().removesuffix("}"), *added, "}"])

    def _added(self) -> dict[str, str]:
        """Return what is ours to say: what the server left out, and its name."""
        given = {"title": "", "message": "", "timestamp": self.received}
        missing = {k: v for k, v in given.items() if k not in self.fields}
        return {**missing, "server": self.server} if self.server else missing


class Message(Struct, frozen=True):
    """What is sent.

    Args:
        type: what kind of message it is.
        payload: whatever the server expects of that kind.
        id: the sender's own name for it, by which the server can speak of it.
    """

    type: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None


class Token(Masked, frozen=True):
    """A token and how long it is good for.

    Args:
        value: the secret itself; never shown by ``repr``.
        lifetime: seconds it was given by the server when it was made.
        margin: seconds before its end at which it no longer counts as fresh.
    """

    masked: ClassVar = ("value",)

    value: str
    lifetime: float
    margin: float

    @property
    def fresh_for(self) -> float:
        """Seconds until it counts as expired: its lifetime less the margin."""
        return max(0.0, self.lifetime - self.margin)


class TokenPair(Struct, frozen=True):
    """What a login or a refresh gave.

    Args:
        access: the access token.
        refresh: the refresh token; ``None`` when the reply held none.
        user_id: the server's identity of the user; ``None`` when unknown.
    """

    access: Token
    refresh: Token | None = None
    user_id: str | None = None


class Account(Masked, frozen=True):
    """Whose tokens: an HTTP origin, a profile and a user, and where they are shown.

    Tokens obtained for one socket are never shown to another: whoever writes a
    folder's ``.env`` could name our server, our user, and a socket of their own.

    Args:
        origin: canonical HTTP origin: lower case, without a default port; and the path
            below which the server stands, if it does.
        profile: the profile's name.
        subject: the username, or the static token where there is no username.
        socket: the socket's origin in the same form, where it is another one.
        apart: what else parts these tokens from others of this account.
    """

    masked: ClassVar = ("subject",)

    origin: str
    profile: str
    subject: str
    socket: str = ""
    apart: str = ""

    @property
    def id(self) -> str:
        """First 16 hex digits of the SHA-256 over origin, profile, user and socket.

        A line each; a socket of another origin, and what else parts them, stand
        before the first.
        """
        import hashlib  # which takes 2 ms, and completions need no account

        text = f"{self.origin}\n{self.profile}\n{self.subject}"
        text = " ".join(filter(None, (self.apart, self.socket, text)))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "trip_update": {
        "title": "Trip Started",
        "message": "Your driver has started the trip",
        "link": "/trips/123",
        "data": {"tripId": "123", "driverId": "456", "status": "STARTED"},
    },
    "payment_approved": {
        "title": "Payment Approved",
        "message": "Your payment of $25.00 was approved",
        "link": "/payments/789",
        "data": {"paymentId": "789", "amount": 25.0, "currency": "USD"},
    },
    "message_received": {
        "title": "New Message",
        "message": "Maria: I am waiting at the main entrance",
        "link": "/chat/321",
        "data": {"chatId": "321", "senderId": "654", "senderName": "Maria"},
    },
}
"""Examples of the known types: type -> payload, as a sender would write it."""
