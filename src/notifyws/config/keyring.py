"""Passwords in the system's own keyring: one for each origin and username.

The extra ``keyring`` may not be there, and a keyring may be locked, broken or absent;
then there is simply no password. A password saved for one origin is never found for
another, whoever names it.

A locked keyring waits for somebody to unlock it, and nobody may be there. So nothing
here waits for it longer than its caller's patience.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import asyncio

__all__ = ["PATIENCE", "can_keep", "find", "forget", "keep"]

SERVICE = "notifyws"
PATIENCE = 5.0
"""Seconds for a keyring to answer."""

Answer = TypeVar("Answer")


def can_keep() -> bool:
    """Tell whether the extra is installed."""
    return find_spec("keyring") is not None


async def keep(
    origin: str, username: str, password: str, patience: float = PATIENCE
) -> bool:
    """Keep a password; tell whether it can be found again.

    Args:
        origin: the HTTP side's.
        username: whose password.
        password: what to keep.
        patience: seconds to wait.
    """
    account = _account(origin, username)
    return await _in_time(lambda: _keep(account, password), patience) or False


async def find(origin: str, username: str, patience: float = PATIENCE) -> str | None:
    """Return what was kept; empty when there is nothing, ``None`` without an answer.

    Args:
        origin: the HTTP side's.
        username: whose password.
        patience: seconds to wait.
    """
    account = _account(origin, username)
    return await _in_time(lambda: _find(account), patience)


async def forget(origin: str, username: str, patience: float = PATIENCE) -> bool:
    """Take a password out, if one was kept; tell whether there is none any more.

    Args:
        origin: the HTTP side's.
        username: whose password.
        patience: seconds to wait.
    """
    account = _account(origin, username)
    return await _in_time(lambda: _forget(account), patience) or False


async def _in_time(ask: Callable[[], Answer], patience: float) -> Answer | None:
    """Return the answer; ``None`` when the keyring gives none.

    The thread is a daemon: one that waits for somebody to unlock a keyring must not
    keep a process from ending.
    """
    import asyncio  # half of what a command costs that needs none of it
    import threading

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def wait() -> None:
        found = ask()
        with suppress(RuntimeError):  # the loop has closed: nobody asks any more
            loop.call_soon_threadsafe(_settle, answer, found)

    threading.Thread(target=wait, daemon=True).start()
    try:
        return await asyncio.wait_for(answer, patience)
    except TimeoutError:
        return None


def _settle(answer: asyncio.Future[Answer], found: Answer) -> None:
    if not answer.done():
        answer.set_result(found)


def _keep(account: str, password: str) -> bool:
    try:
        import keyring

        keyring.set_password(SERVICE, account, password)
    except Exception:  # noqa: BLE001 - each backend has errors of its own
        return False
    return _find(account) == password


def _find(account: str) -> str:
    try:
        import keyring

        return keyring.get_password(SERVICE, account) or ""
    except Exception:  # noqa: BLE001 - each backend has errors of its own
        return ""


def _forget(account: str) -> bool:
    try:
        import keyring
        from keyring.errors import NoKeyringError
    except ImportError:
        return True
    try:
        if keyring.get_password(SERVICE, account) is not None:
            keyring.delete_password(SERVICE, account)
    except NoKeyringError:
        return True
    except Exception:  # noqa: BLE001 - each backend has errors of its own
        return False
    return True


def _account(origin: str, username: str) -> str:
    return f"{origin} {username}"
