"""To whom notifications are handed on, and when: what a user asks for.

What takes them is made of these by ``build_sinks``; nothing here is opened. What is
said of a target is read, or refused: what holds a secret may be the name of an
environment variable, for what is typed can be seen by everybody on the machine. Times
of the day are local, and read off the wall clock whenever they are needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from datetime import time as time_of_day
from shlex import quote
from typing import ClassVar

from msgspec import Struct, field

from notifyws.config.validation import trimmed
from notifyws.errors import UsageError, command
from notifyws.models import Masked

_HOURS = r"(?a)\s*(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s*"


class Quiet(Struct, frozen=True):
    """Hours of each day in which nothing is handed on.

    Args:
        start: when they begin.
        end: when they are over; the next day, where that is not later.
    """

    start: time_of_day
    end: time_of_day

    @classmethod
    def of(cls, text: str) -> Quiet:
        """Return hours as people write them, as in ``22:00-07:00``.

        Raises:
            ValueError: they are none, or the whole day.
        """
        found = re.fullmatch(_HOURS, text)
        if found is None:
            raise ValueError("must be two times of a day")
        hour, minute, last_hour, last_minute = map(int, found.groups())
        start, end = time_of_day(hour, minute), time_of_day(last_hour, last_minute)
        if start == end:
            raise ValueError("must begin and end at different times")
        return cls(start, end)

    def left(self, wall: float) -> float:
        """Return the seconds until they are over; 0 while it is not quiet.

        Args:
            wall: unix seconds.
        """
        today, nights = datetime.fromtimestamp(wall).date(), int(self.start > self.end)
        for day in (today - timedelta(days=nights), today):
            last = day + timedelta(days=nights)  # the first 2:30 of two
            end = datetime.combine(last, self.end).timestamp()
            if datetime.combine(day, self.start).timestamp() <= wall < end:
                return end - wall
        return 0.0

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


class Timing(Struct, frozen=True):
    """When a sink is served.

    Args:
        quiet: not in these hours; ``None`` for at any time.
        digest: seconds in which what comes is gathered, from the first on, and handed
            on as one; 0 for each by itself.
    """

    quiet: Quiet | None = None
    digest: float = 0.0

    def quiet_for(self, wall: float) -> float:
        """Return for how many seconds it is quiet from a moment (unix) on."""
        return 0.0 if self.quiet is None else self.quiet.left(wall)


HOW = frozenset({"headers", "secret", "tell"})
"""What says how something is handed on, and to nobody by itself."""


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
        whom = (name for name in self.__struct_fields__ if name not in HOW)
        return any(getattr(self, name) for name in whom)


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


HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"


def is_header(name: str, value: str) -> bool:
    """Return whether a request can carry a header."""
    usable = value.isascii() and value.isprintable()
    return usable and re.fullmatch(HEADER_NAME, name) is not None


def secret_of(variable: str, option: str) -> str:
    """Return the secret that an environment variable holds.

    Raises:
        UsageError: there is none.
        ConfigurationError: it begins or ends with what cannot be seen.
    """
    secret = os.environ.get(variable, "")
    if not secret:
        message = f"{option}: the environment has no variable {variable}"
        given = (option, variable) if option.startswith("--") else ("--routes",)
        raise UsageError(message, f"{quote(variable)}=... {command('listen', *given)}")
    return trimmed(secret, option, f"{variable} in the environment")


def apprise_url(said: str, option: str) -> str:
    """Return a URL of Apprise's: what was said, or what a variable of that name holds.

    Raises:
        UsageError: it is neither.
        ConfigurationError: it begins or ends with what cannot be seen.
    """
    if "://" in said:
        return said
    if not re.fullmatch(VARIABLE, said):  # nor is it shown: it may hold a secret
        what = "a URL, or the name of a variable that holds one"
        hint = "as in json://host/path; a variable keeps it out of ps"
        raise UsageError(f"{option} takes {what}", hint)
    return secret_of(said, option)
