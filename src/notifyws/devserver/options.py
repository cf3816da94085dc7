"""What the development server can be asked for; it reads nothing of the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notifyws.errors import ConfigurationError

FIRST_USER_ID = 42


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How one development server behaves. Durations are seconds.

    Args:
        port: where to listen, on loopback; 0 takes a free one.
        users: name -> password of everybody who may log in.
        access_ttl, refresh_ttl: lifetimes of tokens.
        auth_timeout: how long a socket without a token waits for its first frame.
        closing_grace: how long a client has for its half of a closing handshake.
        traffic: sample notifications a second for every connected user; 0 is none.
        flaky: every socket is cut after about that long; 0 is never.
        history: notifications per user that can be asked for again.
        state: file that keeps history and sessions across restarts.

    Raises:
        ConfigurationError: an option makes no sense.
    """

    port: int = 8765
    users: Mapping[str, str] = field(default_factory=lambda: {"demo": "demo"})
    access_ttl: float = 900.0
    refresh_ttl: float = 604_800.0
    auth_timeout: float = 5.0
    closing_grace: float = 1.0
    traffic: float = 0.0
    flaky: float = 0.0
    history: int = 10_000
    state: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            sentence = f"{self.port} is not a port"
            raise ConfigurationError(sentence, "use --port 0..65535")
        if not self.users or not all(self.users):
            raise ConfigurationError("no user could log in", "use --user NAME:PASSWORD")
        for name in ("access_ttl", "refresh_ttl", "auth_timeout", "closing_grace"):
            if not getattr(self, name) > 0:
                option = f"--{name.replace('_', '-')}"
                said = f"{option} must be more than 0"
                raise ConfigurationError(said, f"leave {option} out, or give seconds")
        for name, least in (("history", 1), ("traffic", 0), ("flaky", 0)):
            if not least <= getattr(self, name) < float("inf"):
                said = f"--{name} must be {least} or more"
                raise ConfigurationError(said, f"leave --{name} out for the usual")

    @property
    def first_user(self) -> str:
        """The user meant where none is named."""
        return next(iter(self.users))

    def user_id(self, name: str) -> str:
        """Return the identity that clients see; never the name itself."""
        return str(FIRST_USER_ID + list(self.users).index(name))
