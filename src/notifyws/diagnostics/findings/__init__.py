"""What is wrong and what to try next, judged from facts alone; pure.

``diagnosis`` looks, here is decided what it means: each judgement returns nothing
where all is well, else one sentence that holds the reason, and the next command.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

__all__ = ["CheckContext", "Finding", "span"]


class Finding(Struct, frozen=True):
    """Something that is not well.

    Args:
        about: what was looked at.
        said: one sentence that holds the reason.
        hint: the next command, or the next step of a person.
    """

    about: str
    said: str
    hint: str


class CheckContext(Struct, frozen=True):
    """What findings stand on.

    Args:
        url: the socket's URL.
        source: where that was said.
        profile: its name.
        path: where the profile has its socket; ``None`` where it does not say.
        proxy: the host of the proxy that the environment names for the URL.
        here: this machine's name.
        checked: whether the server was asked as well.
        user: the user's id, where it is configured.
    """

    url: str = ""
    source: str = "default"
    profile: str = "default"
    path: str | None = None
    proxy: str | None = None
    here: str = ""
    checked: bool = False
    user: str = ""

    @property
    def host(self) -> str:
        """The host of the URL, with its port if that has one."""
        return urlsplit(self.url).netloc

    @property
    def named(self) -> str:
        """The URL's source, as the end of a sentence."""
        return f"the URL (it comes from {self.source})"


def span(seconds: float) -> str:
    """Return a duration for people, in its two largest units."""
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86400)
    hours, minutes = divmod(rest // 60, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    if minutes >= 10:
        return f"{minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
