"""The desktop's own notifications: ``--notify`` (extra ``desktop``).

Title and message are plain text: characters that cannot be printed are spaces, no
markup of a stranger's is interpreted, and no link is opened. Where a desktop reads
markup in a message (some of Linux do, and say so), that is escaped; where it does
not, nothing is. A session whose bus does not answer is waited for as long as a target
of HTTP is, no longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from html import escape

from notifyws.auth.network_errors import plainly
from notifyws.config.extras import needs_extra
from notifyws.errors import DeliveryFailed
from notifyws.models import Notification, printable

LONGEST = 1000
"""Characters of a title or message that a desktop is given."""


async def reads_markup() -> bool:
    """Ask the desktop whether a message is markup for it: never but on Linux."""
    try:
        from dbus_fast import Message, MessageType
        from dbus_fast.aio import MessageBus
    except ImportError:
        return False
    bus = MessageBus()
    try:
        await bus.connect()
        name = "org.freedesktop.Notifications"
        path = "/org/freedesktop/Notifications"
        asked = Message(name, path, name, "GetCapabilities")
        reply = await bus.call(asked)
    finally:
        bus.disconnect()
    good = reply is not None and reply.message_type is MessageType.METHOD_RETURN
    return not good or "body-markup" in reply.body[0]


class DesktopSink:
    """Shows each notification on the desktop of this session.

    Args:
        timeout: seconds it may take.
        reads_markup: asks whether a message is markup for it; asked once.

    Raises:
        ConfigurationError: the extra is not installed.
    """

    name = "notify"

    def __init__(
        self, timeout: float, reads_markup: Callable[[], Awaitable[bool]] = reads_markup
    ) -> None:
        try:
            from desktop_notifier import DesktopNotifier
        except ImportError:
            raise needs_extra("--notify", "desktop") from None
        self._timeout = timeout
        self._notifier = DesktopNotifier(app_name="notifyws")
        self._reads_markup = reads_markup
        self._markup: bool | None = None

    async def deliver(self, notification: Notification) -> None:
        """Return when the desktop took it.

        Raises:
            DeliveryFailed: it did not.
        """
        title = printable((notification.title or notification.type)[:LONGEST])
        message = printable(notification.words[:LONGEST])
        try:
            async with asyncio.timeout(self._timeout):
                if self._markup is None:
                    self._markup = await self._reads_markup()
                shown = escape(message, quote=False) if self._markup else message
                await self._notifier.send(title=title, message=shown)
        except TimeoutError:
            took = f"the desktop took longer than {self._timeout:g} s"
            raise DeliveryFailed(took) from None
        except Exception as error:  # noqa: BLE001 - each desktop raises its own kinds
            said = f"the desktop cannot show it: {plainly(error)}"
            raise DeliveryFailed(said) from None

    async def aclose(self) -> None:
        """Nothing to let go of."""
