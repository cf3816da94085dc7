"""Passwords in the system's own keyring: one for each origin and username.

The extra ``keyring`` may not be there, and a keyring may be locked, broken or absent;
then there is simply no password. A password saved for one origin is never found for
another, whoever names it.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

__all__ = ["can_keep", "find", "find_in_time", "forget", "keep"]

SERVICE = "notifyws"


def can_keep() -> bool:
    """Tell whether the extra is installed."""
    return find_spec("keyring") is not None


def keep(origin: str, username: str, password: str) -> bool:
    """Keep a password; tell whether it can be found again."""
    try:
        import keyring

        keyring.set_password(SERVICE, _account(origin, username), password)
    except Exception:  # noqa: BLE001 - each backend has errors of its own
        return False
    return find(origin, username) == password


def find(origin: str, username: str) -> str:
    """Return what was kept; empty when there is nothing."""
    try:
        import keyring

        return keyring.get_password(SERVICE, _account(origin, username)) or ""
    except Exception:  # noqa: BLE001 - each backend has errors of its own
        return ""


async def find_in_time(origin: str, username: str, patience: float) -> str | None:
    """Return the same; ``None`` when the keyring does not answer.

    The thread is a daemon: one that waits for somebody to unlock a keyring must not
    keep a process from ending.

    Args:
        origin: the HTTP side's.
        username: whose password.
        patience: seconds to wait.
    """
    import asyncio  # half of what a command costs that needs none of it
    import threading

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def ask() -> None:
        found = find(origin, username)
        with suppress(RuntimeError):  # the loop has closed: nobody asks any more
            loop.call_soon_threadsafe(_settle, answer, found)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return await asyncio.wait_for(answer, patience)
    except TimeoutError:
        return None


def _settle(answer: asyncio.Future[str], found: str) -> None:
    if not answer.done():
        answer.set_result(found)


def forget(origin: str, username: str) -> None:
    """Take a password out, if one was kept."""
    try:
        import keyring

        keyring.delete_password(SERVICE, _account(origin, username))
    except Exception:  # noqa: BLE001 - there was none, or nothing can be done
        return


def _account(origin: str, username: str) -> str:
    return f"{origin} {username}"
