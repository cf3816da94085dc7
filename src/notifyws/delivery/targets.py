"""To whom notifications are handed on: what a user asks for; values only.

What takes them is made of these by ``build_sinks``; nothing here is opened, asked or
checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from msgspec import Struct, field

from notifyws.delivery.timing import Timing
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
        tee: a file to which each one is appended, as a sink; empty for none.
        routes: further targets, each of which takes what fits it.
    """

    masked: ClassVar = ("secret", "apprise")

    command: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    desktop: bool = False
    tell: Callable[[str], None] | None = None
    apprise: tuple[str, ...] = ()
    tee: str = ""
    routes: tuple[Route, ...] = ()

    @property
    def anybody(self) -> bool:
        """Whether there is anybody to hand on to."""
        named = self.command or self.url or self.tee
        return bool(named or self.desktop or self.apprise or self.routes)


class Route(Struct, frozen=True):
    """Where a part of what arrives is handed on to.

    Args:
        name: parts its queue, its dead letters and what is said of it from others'.
        when: the types that go it, all where there are none; or a JMESPath expression
            over the notification.
        targets: to whom; a route has no routes of its own.
        stop: whether those behind it are not asked about what goes it.
        timing: when it is handed on; ``None`` for at once.
    """

    name: str
    when: str | tuple[str, ...] = ()
    targets: DeliveryTargets = DeliveryTargets()
    stop: bool = False
    timing: Timing | None = None
