"""The desktop's own notifications: ``--notify`` (extra ``desktop``).

Title and message are plain text for the desktop: no markup of a stranger's is
interpreted, and no link is opened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape

from notifyws.errors import ConfigurationError, HandingFailed
from notifyws.models import Notification

__all__ = ["DesktopSink", "desktop"]

LONGEST = 1000
"""Characters of a title or message that a desktop is given."""

Show = Callable[[str, str], Awaitable[None]]
"""Shows a title and a message."""


class DesktopSink:
    """Shows each notification on the desktop.

    Args:
        show: shows a title and a message.
        clean: makes remote text harmless.
    """

    name = "notify"

    def __init__(self, show: Show, clean: Callable[[str], str]) -> None:
        self._show = show
        self._clean = clean

    async def hand_on(self, notification: Notification) -> None:
        """Return when the desktop took it.

        Raises:
            HandingFailed: it did not.
        """
        title = self._clean(notification.title or notification.type)[:LONGEST]
        message = self._clean(notification.message)[:LONGEST]
        try:
            await self._show(title, escape(message, quote=False))
        except Exception as error:  # noqa: BLE001 - each desktop raises its own kinds
            why = str(error) or type(error).__name__
            raise HandingFailed(f"the desktop cannot show it: {why}") from None

    async def aclose(self) -> None:
        """Nothing to let go of."""


def desktop() -> Show:
    """Return the desktop of this session.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    try:
        from desktop_notifier import DesktopNotifier
    except ImportError:
        raise ConfigurationError(
            "--notify needs an extra", "pip install 'notifyws[desktop]'"
        ) from None
    notifier = DesktopNotifier(app_name="notifyws")

    async def show(title: str, message: str) -> None:
        await notifier.send(title=title, message=message)

    return show
