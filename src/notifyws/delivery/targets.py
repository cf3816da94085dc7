"""To whom notifications are handed on: what a user asks for; values only.

What takes them is made of these by ``build_sinks``; nothing here is opened, asked or
checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from msgspec import field

from notifyws.models import Masked


class DeliveryTargets(Masked, frozen=True):
    """To whom notifications are handed on, besides being shown.

    Args:
        command: run for each one, without a shell; empty for none.
        url: where each one is posted; empty for nowhere.
        headers: more headers for that.
        secret: what to sign that with; empty for no signature.
        desktop: show each one on the desktop.
        tell: gets each line that the command prints.
        apprise: where each one is sent, as Apprise writes URLs; each is a secret.
    """

    masked: ClassVar = ("secret", "apprise")

    command: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    desktop: bool = False
    tell: Callable[[str], None] | None = None
    apprise: tuple[str, ...] = ()

    @property
    def anybody(self) -> bool:
        """Whether there is anybody to hand on to."""
        return bool(self.command or self.url or self.desktop or self.apprise)
