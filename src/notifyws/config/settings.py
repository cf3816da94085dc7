"""Every setting, with its default, unit, meaning and variable; frozen, reading nothing.

``sources.load`` fills these in from flags, environment and files. What a field is
declared with is where its names outside Python come from, so that documentation,
``.env.example`` and the reader of the configuration cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from msgspec import Struct, field

Side = Literal["server", "credential", "client"]
"""On which side a setting stands: it decides where credentials go, how they travel or
whom we trust; it is one; or it concerns this machine alone.

What a working directory's ``.env`` says of the first side is used only with
credentials of that same file.
"""
LONGEST = 86_400.0
"""Seconds that anything may be waited for: whoever waits longer looks dead."""
LIFETIME = 100 * 366 * LONGEST
"""Seconds that a token may live."""
SOCKET_OR_FILE = r"(?i)(sqlite|unix):|[^?]*\?.*(cert|key|path|socket)"


class Setting(Struct, frozen=True):
    """What is known of a setting.

    Args:
        default: its value when nobody says anything.
        help: one sentence for people, with the unit.
        env: its variable, where that is not ``NOTIFYWS_<NAME>``.
        path: the pattern of those values that lead to a file.
        secret: never shown, not even by ``repr``.
        low: the smallest number that makes sense.
        high: the largest.
    """

    side: Side
    default: Any
    help: str
    env: str = ""
    path: str = ""
    secret: bool = False
    low: float = 0
    high: float = math.inf


_declared: list[Setting] = []


def setting(*what: Any, **more: Any) -> Any:
    """Declare the next setting, as :class:`Setting` says; return its default."""
    _declared.append(Setting(*what, **more))
    return _declared[-1].default


server_side = partial(setting, "server")
credential = partial(setting, "credential")
client_side = partial(setting, "client")
duration = partial(client_side, high=LONGEST)
lifetime = partial(client_side, low=1, high=LIFETIME)


class TypeStyle(Struct, frozen=True):
    """How notifications of one type look.

    Args:
        mark: one character or emoji at the start of the line.
        colour: a colour or style name of the terminal's palette.
        label: the words of the link; empty for none.
        link: where the label leads when the notification itself has no link.
    """

    mark: str = "•"
    colour: str = "default"
    label: str = "View"
    link: str | None = None


LOGIN = ("url", "socket_url", "username", "profile", "token_in")
"""What is written down of a login: where, as whom and how; no password."""
NEUTRAL = TypeStyle()
DEFAULT_STYLES: Mapping[str, TypeStyle] = {
    "trip_update": TypeStyle("ℹ", "blue", "View Trip", "/trips"),
    "payment_approved": TypeStyle("✔", "green", "View Payment", "/payments"),
    "message_received": TypeStyle("✉", "blue", "View Message", "/chat"),
}


class _Unsaid(Struct, frozen=True, kw_only=True):  # what no variable says
    styles: Mapping[str, TypeStyle] = field(default_factory=lambda: DEFAULT_STYLES)
    apart: str = ""


class Settings(_Unsaid, frozen=True):
    """What the product needs to know. Durations are seconds, sizes are bytes.

    Args:
        styles: how each type looks.
        apart: what a found ``.env`` says of how tokens travel; it parts them.
    """

    url: str = server_side(
        "",
        "The server, wss://host[:port][/path]; its HTTP side is the same origin, and "
        "a path goes before those of the profile.",
        env="WEBSOCKET_SERVER_URL",
    )
    socket_url: str = server_side(
        "",
        "The socket's URL when it differs from the server's.",
        env="NEXT_PUBLIC_WEBSOCKET_SERVER_URL",
    )
    username: str = client_side("", "Who to log in as.", env="WEBSOCKET_USERNAME")
    password: str = credential(
        "", "The password to log in with.", env="WEBSOCKET_PASSWORD", secret=True
    )
    keyring: bool = client_side(
        True, "Look for a saved password in the system's keyring, if it is installed."
    )
    token: str = credential(
        "",
        "A ready-made access token; then nothing is cached or refreshed.",
        secret=True,
    )
    redis_url: str = server_side(
        "",
        "A shared token cache: redis://, rediss://[...]?ssl_ca_certs=ca.pem, unix://, "
        "redis+sentinel://H1,H2/SERVICE or redis+cluster://H1,H2.",
        env="REDIS_URL",
        secret=True,
        path=SOCKET_OR_FILE,
    )
    cache_url: str = server_side(
        "",
        "Overrides REDIS_URL; also sqlite:///path and memory://.",
        secret=True,
        path=SOCKET_OR_FILE,
    )
    cache_key: str = server_side(
        "",
        "Keys to encrypt cached tokens with, any words, comma separated: the first "
        "encrypts, all decrypt.",
        secret=True,
    )
    server: str = server_side("", "The server entry of config.toml to use.")
    profile: str = server_side(
        "default",
        "How the server speaks: a name or a TOML file.",
        path=r".*/|.*\.toml$",
    )
    variables: str = server_side(
        "", "What the profile leaves open, as in: channel=news app_key=abc."
    )
    token_in: str = server_side(
        "",
        "Where the socket takes the token: header, query:NAME, subprotocol:NAME or "
        "message. Empty: as the profile says.",
    )
    origin: str = client_side(
        "",
        "The Origin header to open the socket with, where the server asks for one, as "
        "in https://app.example.com. It is no secret, and sends nothing elsewhere.",
    )
    user_id: str = client_side("", "The user's id, where the server does not tell.")
    ca_file: str = server_side(
        "", "A PEM file of certificate authorities to trust.", path=r"."
    )
    client_cert: str = server_side(
        "",
        "A PEM file with the certificate that shows the server who we are.",
        path=r".",
    )
    client_key: str = server_side(
        "",
        "A PEM file with its key, where the certificate's file does not hold it.",
        path=r".",
    )
    client_key_password: str = credential(
        "", "The password of that key, where it is encrypted.", secret=True
    )

    access_ttl: float = lifetime(
        900.0, "Seconds an access token lives when the server does not say."
    )
    refresh_ttl: float = lifetime(
        604800.0, "Seconds a refresh token lives when the server does not say."
    )
    access_margin: float = client_side(
        0.2, "Share of an access token's life at whose end it is renewed.", high=0.9
    )
    refresh_margin: float = client_side(
        1 / 14, "Share of a refresh token's life at whose end it is not used.", high=0.9
    )

    retry_delays: tuple[float, ...] = duration(
        (1.0, 2.0, 4.0, 8.0, 16.0, 30.0),
        "Seconds before each reconnect, the last one for ever.",
        low=0.1,
    )
    jitter: float = client_side(
        0.5,
        "Share of each delay that is drawn by lot; 0 gives the exact table.",
        high=1,
    )
    stable_after: float = duration(
        30.0, "Seconds a connection must last for the delays to start over."
    )
    max_retries: int | None = client_side(
        None, "Reconnects in a row before giving up; unlimited when not set."
    )
    retry_after_max: float = duration(
        300.0, "Seconds beyond which a server's Retry-After is not followed."
    )
    open_timeout: float = duration(
        10.0, "Seconds to open a connection, all included.", low=0.1
    )
    http_timeout: float = duration(
        10.0, "Seconds for one HTTP exchange, all included.", low=0.1
    )
    close_timeout: float = duration(1.0, "Seconds to wait for the peer's close.")
    ping_interval: float = duration(20.0, "Seconds between pings.", low=1)
    ping_timeout: float = duration(10.0, "Seconds to wait for a pong.", low=0.1)
    verify_every: float = duration(
        0.0,
        "Seconds between two looks at whether the open socket missed anything; 0 for "
        "none.",
    )
    max_size: int = client_side(1 << 20, "Bytes of the largest frame taken.", low=1024)
    compression: bool = client_side(False, "Offer permessage-deflate to the server.")
    queue_count: int = client_side(
        10_000, "Notifications that may wait for a slow reader.", low=1
    )
    queue_bytes: int = client_side(
        16 << 20, "Bytes that may wait for a slow reader.", low=1024
    )
    queue_disk: int = client_side(
        256 << 20, "Bytes that may wait on disk for a slow hook or target.", low=1024
    )
    hand_on_delays: tuple[float, ...] = duration(
        (1.0, 2.0, 4.0, 8.0, 16.0),
        "Seconds before each new try of a hook or target that failed; then it is a "
        "dead letter.",
        low=0.01,
    )
    exec_timeout: float = duration(30.0, "Seconds that a hook may take.", low=0.1)
    concurrency: int = client_side(
        1, "Notifications handed on at the same time; 1 keeps their order.", low=1
    )

    group_count: int = client_side(
        100_000, "Notifications that a group's stream keeps in Redis.", low=100
    )
    group_age: float = client_side(
        86_400.0, "Seconds that it keeps them; 0 for any time.", high=LIFETIME
    )
    group_lease: float = client_side(
        10.0,
        "Seconds after which another member leads when the leader is silent.",
        low=1,
        high=600,
    )

    link_base: str = server_side(
        "", "What relative links are resolved against; the server when not set."
    )

    def __repr__(self) -> str:
        secret = {name for name in FIELDS if FIELDS[name].secret}
        names = (name for name in self.__struct_fields__ if name not in secret)
        return f"Settings({', '.join(f'{n}={getattr(self, n)!r}' for n in names)})"

    @property
    def connect_url(self) -> str:
        """The URL the socket is opened with, exactly as configured."""
        return self.socket_url or self.url

    @property
    def login(self) -> dict[str, str]:
        """What is written down of a login with these settings; no empty values."""
        return {key: said for key in LOGIN if (said := getattr(self, key))}

    def style(self, type_name: str) -> TypeStyle:
        """Return how notifications of ``type_name`` look."""
        return self.styles.get(type_name, NEUTRAL)


FIELDS = dict(zip(Settings.__annotations__, _declared, strict=True))
"""Settings that can be said, one value each."""


def environment_name(name: str) -> str:
    """Return the variable of a setting: its own, else ``NOTIFYWS_<NAME>``."""
    return FIELDS[name].env or f"NOTIFYWS_{name.upper()}"
