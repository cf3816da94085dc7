"""Every setting, with its default, unit and meaning; frozen, reading nothing.

``load`` fills these in from flags, environment and files. The metadata of a field
is where its names outside Python come from, so that documentation, ``.env.example``
and the reader of the configuration cannot disagree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from notifyws.values import frozen

__all__ = ["DEFAULT_STYLES", "NEUTRAL", "Settings", "TypeStyle", "setting"]


def setting(
    default: Any,
    help: str,
    *,
    env: str = "",
    secret: bool = False,
    low: float = 0,
    high: float = math.inf,
) -> Any:
    """Declare a setting.

    Args:
        default: its value when nobody says anything.
        help: one sentence for people, with the unit.
        env: its variable, where that is not ``NOTIFYWS_<NAME>``.
        secret: never shown, not even by ``repr``.
        low: the smallest number that makes sense.
        high: the largest one.
    """
    meta = {"help": help, "env": env, "secret": secret, "low": low, "high": high}
    return field(default=default, repr=not secret, metadata=meta)


@frozen
class TypeStyle:
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


NEUTRAL = TypeStyle()
DEFAULT_STYLES: Mapping[str, TypeStyle] = {
    "trip_update": TypeStyle("ℹ", "blue", "View Trip", "/trips"),
    "payment_approved": TypeStyle("✔", "green", "View Payment", "/payments"),
    "message_received": TypeStyle("✉", "blue", "View Message", "/chat"),
}


@frozen
class Settings:
    """What the product needs to know. Durations are seconds, sizes are bytes."""

    url: str = setting(
        "",
        "The server, wss://host[:port][/path]; its HTTP side is the same origin.",
        env="WEBSOCKET_SERVER_URL",
    )
    socket_url: str = setting(
        "",
        "The socket's URL when it differs from the server's.",
        env="NEXT_PUBLIC_WEBSOCKET_SERVER_URL",
    )
    username: str = setting("", "Who to log in as.", env="WEBSOCKET_USERNAME")
    password: str = setting(
        "", "The password to log in with.", env="WEBSOCKET_PASSWORD", secret=True
    )
    keyring: bool = setting(
        True, "Look for a saved password in the system's keyring, if it is installed."
    )
    token: str = setting(
        "",
        "A ready-made access token; then nothing is cached or refreshed.",
        secret=True,
    )
    redis_url: str = setting(
        "",
        "A shared token cache: redis://, rediss:// or unix://.",
        env="REDIS_URL",
        secret=True,
    )
    cache_url: str = setting(
        "",
        "Overrides REDIS_URL; also sqlite:///path and memory://.",
        secret=True,
    )
    cache_key: str = setting(
        "",
        "Words to encrypt cached tokens with; the same on every host.",
        secret=True,
    )
    server: str = setting("", "The server entry of config.toml to use.")
    profile: str = setting("default", "How the server speaks: a name or a TOML file.")
    variables: str = setting(
        "", "What the profile leaves open, as in: channel=news app_key=abc."
    )
    token_in: str = setting(
        "",
        "Where the socket takes the token: header, query:NAME, subprotocol:NAME or "
        "message. Empty: as the profile says.",
    )
    user_id: str = setting("", "The user's id, where the server does not tell.")
    ca_file: str = setting("", "A PEM file of certificate authorities to trust.")

    access_ttl: float = setting(
        900.0, "Seconds an access token lives when the server does not say.", low=1
    )
    refresh_ttl: float = setting(
        604800.0, "Seconds a refresh token lives when the server does not say.", low=1
    )
    access_margin: float = setting(
        0.2, "Share of an access token's life at whose end it is renewed.", high=0.9
    )
    refresh_margin: float = setting(
        1 / 14, "Share of a refresh token's life at whose end it is not used.", high=0.9
    )

    retry_delays: tuple[float, ...] = setting(
        (1.0, 2.0, 4.0, 8.0, 16.0, 30.0),
        "Seconds before each reconnect, the last one for ever.",
        low=0.1,
    )
    jitter: float = setting(
        0.5,
        "Share of each delay that is drawn by lot; 0 gives the exact table.",
        high=1,
    )
    stable_after: float = setting(
        30.0, "Seconds a connection must last for the delays to start over."
    )
    max_retries: int | None = setting(
        None, "Reconnects in a row before giving up; unlimited when not set."
    )
    retry_after_max: float = setting(
        300.0, "Seconds beyond which a server's Retry-After is not followed."
    )
    open_timeout: float = setting(
        10.0, "Seconds to open a connection, all included.", low=0.1
    )
    http_timeout: float = setting(
        10.0, "Seconds for one HTTP exchange, all included.", low=0.1
    )
    close_timeout: float = setting(1.5, "Seconds to wait for the peer's close.")
    ping_interval: float = setting(20.0, "Seconds between pings.", low=1)
    ping_timeout: float = setting(10.0, "Seconds to wait for a pong.", low=0.1)
    max_size: int = setting(1 << 20, "Bytes of the largest frame taken.", low=1024)
    compression: bool = setting(False, "Offer permessage-deflate to the server.")
    queue_count: int = setting(
        10_000, "Notifications that may wait for a slow reader.", low=1
    )
    queue_bytes: int = setting(
        16 << 20, "Bytes that may wait for a slow reader.", low=1024
    )
    queue_disk: int = setting(
        256 << 20, "Bytes that may wait on disk for a slow hook or target.", low=1024
    )
    hand_on_delays: tuple[float, ...] = setting(
        (1.0, 2.0, 4.0, 8.0, 16.0),
        "Seconds before each new try of a hook or target that failed; then it is a "
        "dead letter.",
        low=0.01,
    )
    exec_timeout: float = setting(30.0, "Seconds that a hook may take.", low=0.1)
    concurrency: int = setting(
        1, "Notifications handed on at the same time; 1 keeps their order.", low=1
    )

    link_base: str = setting(
        "", "What relative links are resolved against; the server when not set."
    )
    styles: Mapping[str, TypeStyle] = field(
        default_factory=lambda: DEFAULT_STYLES,
        metadata={"help": "How each type looks.", "table": "types"},
    )

    @property
    def connect_url(self) -> str:
        """The URL the socket is opened with, exactly as configured."""
        return self.socket_url or self.url

    def style(self, type_name: str) -> TypeStyle:
        """Return how notifications of ``type_name`` look."""
        return self.styles.get(type_name, NEUTRAL)
