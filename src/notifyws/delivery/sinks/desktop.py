"""The desktop's own notifications: ``--notify`` (extra ``desktop``).

Title and message are plain text: characters that cannot be printed are spaces, no
markup of a stranger's is interpreted, and no link is opened. A session that does not
answer is waited for as long as a target of HTTP is, no longer.

Linux is asked over its session bus, by the Desktop Notifications Specification: what
speaks for three systems remembers there each notification that was not closed.
"""

from __future__ import annotations

import asyncio
import sys
from html import escape
from typing import Any, Protocol

from notifyws.auth.network_errors import plainly
from notifyws.config.extras import needs_extra
from notifyws.errors import DeliveryFailed
from notifyws.models import Notification, printable

LONGEST = 1000
"""Characters of a title or message that a desktop is given."""
NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
APP = "notifyws"


class Desktop(Protocol):
    """Shows what it is given; raises errors of its own kinds."""

    async def show(self, title: str, message: str) -> None: ...
    def close(self) -> None: ...


class SessionBus:
    """The desktop of Linux: one connection, made anew after a failure.

    Raises:
        ImportError: the extra is not installed.
    """

    def __init__(self) -> None:
        import dbus_fast.aio

        self._dbus: Any = dbus_fast
        self._bus: Any = None
        self._reads_markup = True

    async def show(self, title: str, message: str) -> None:
        """Return when the desktop took it; where it reads markup, that is escaped."""
        try:
            if self._bus is None:
                await self._connect()
            text = escape(message, quote=False) if self._reads_markup else message
            shown = [APP, 0, "", title, text, [], {}, -1]
            await self._call("Notify", "susssasa{sv}i", shown)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the bus."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.disconnect()

    async def _connect(self) -> None:
        self._bus = self._dbus.aio.MessageBus()
        await self._bus.connect()
        (capabilities,) = await self._call("GetCapabilities")
        self._reads_markup = "body-markup" in capabilities

    async def _call(self, member: str, signature: str = "", body: Any = ()) -> Any:
        where = {"destination": NAME, "path": PATH, "interface": NAME}
        message = self._dbus.Message(
            **where, member=member, signature=signature, body=list(body)
        )
        reply = await self._bus.call(message)
        if reply.message_type is not self._dbus.MessageType.METHOD_RETURN:
            raise OSError(f"{reply.error_name}: {' '.join(map(str, reply.body))}")
        return reply.body


class OtherDesktop:
    """The desktops of macOS and Windows.

    Raises:
        ImportError: the extra is not installed.
    """

    def __init__(self) -> None:
        from desktop_notifier import DesktopNotifier

        self._notifier = DesktopNotifier(app_name=APP)

    async def show(self, title: str, message: str) -> None:
        """Return when the desktop took it."""
        await self._notifier.send(title=title, message=message)

    def close(self) -> None:
        """Nothing to let go of."""


class DesktopSink:
    """Shows each notification on the desktop of this session.

    Args:
        timeout: seconds it may take.

    Raises:
        ConfigurationError: the extra is not installed.
    """

    name = "notify"

    def __init__(self, timeout: float) -> None:
        kind = SessionBus if sys.platform == "linux" else OtherDesktop
        try:
            self._desktop: Desktop = kind()
        except ImportError:
            raise needs_extra("--notify", "desktop") from None
        self._timeout = timeout

    async def deliver(self, notification: Notification) -> None:
        """Return when the desktop took it."""
        title = printable((notification.title or notification.type)[:LONGEST])
        message = printable(notification.words[:LONGEST])
        try:
            async with asyncio.timeout(self._timeout):
                await self._desktop.show(title, message)
        except TimeoutError:
            took = f"the desktop took longer than {self._timeout:g} s"
            raise DeliveryFailed(took) from None
        except Exception as error:  # noqa: BLE001 - each desktop raises its own kinds
            said = f"the desktop cannot show it: {plainly(error)}"
            raise DeliveryFailed(said) from None

    async def aclose(self) -> None:
        """Let go of the desktop."""
        self._desktop.close()
