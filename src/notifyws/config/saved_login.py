"""What is kept of a login: where and as whom in a file, the password in a keyring.

The file, in the state folder, is written by ``auth login`` and forgotten by ``auth
logout``; it is used only when nothing else says where to go, and holds no password.

A password lies in the system's own keyring, one for each origin and username: it is
never found for another origin, whoever names it. The extra ``keyring`` may not be
there, and a keyring may be broken or absent; then there is simply no password. A locked
one waits for somebody to unlock it, and nobody may be there: so nothing here waits for
it longer than its caller's patience.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from notifyws.config.files import (
    is_anothers,
    read_text_file,
    user_folder,
    write_private,
)
from notifyws.config.settings import LOGIN
from notifyws.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio

SERVICE = "notifyws"
PATIENCE = 5.0
"""Seconds for a keyring to answer."""

UNREADABLE = (
    *(ConfigurationError, OSError),
    *(ValueError, AttributeError, TypeError, RecursionError),
)
"""What a file can raise that is not there, or holds something else."""

Answer = TypeVar("Answer")


def login_file() -> Path:
    """Return the path of the file."""
    return user_folder("state") / "login.json"


def remember(values: Mapping[str, str]) -> None:
    """Keep what later commands shall use.

    Raises:
        OSError: the state folder cannot be written.
    """
    kept = {key: values[key] for key in LOGIN if values.get(key)}
    write_private(login_file(), json.dumps(kept, indent=2) + "\n")


def recall() -> dict[str, str]:
    """Return what was kept; empty when there is nothing, or nothing of sense.

    One that another user put there could name a server for our password.
    """
    try:
        if is_anothers(login_file()):
            return {}
        kept = json.loads(read_text_file(login_file(), required=False))
        return {key: str(kept[key]) for key in LOGIN if kept.get(key)}
    except UNREADABLE:
        return {}


def forget() -> None:
    """Forget it."""
    with suppress(OSError):
        login_file().unlink()


def can_keep_passwords() -> bool:
    """Tell whether the extra is installed."""
    return find_spec("keyring") is not None


async def keep_password(
    origin: str, username: str, password: str, patience: float = PATIENCE
) -> bool:
    """Keep a password; tell whether it can be found again.

    Args:
        patience: seconds to wait.
    """
    keep = partial(_keep, f"{origin} {username}", password)
    return await _in_time(keep, patience, failed=False) or False


async def find_password(
    origin: str, username: str, patience: float = PATIENCE
) -> str | None:
    """Return what was kept; empty when there is nothing, ``None`` without an answer."""
    find = partial(_find, f"{origin} {username}")
    return await _in_time(find, patience, failed="")


def find_key_password(path: str, patience: float = PATIENCE) -> str | None:
    """Return the password of a key as kept; empty when there is none.

    It is asked before there is anything else to do, so that no event loop is needed.

    Args:
        path: of the key, absolute; ``keyring set notifyws 'key PATH'`` keeps it.
        patience: seconds to wait.

    Returns:
        ``None`` where the keyring does not answer.
    """
    import threading

    found: list[str] = []

    def ask() -> None:
        with suppress(Exception):  # each backend has errors of its own
            found.append(_find(f"key {path}"))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience)
    return None if asking.is_alive() else "".join(found)


async def forget_password(
    origin: str, username: str, patience: float = PATIENCE
) -> bool:
    """Take a password out, if one was kept; tell whether there is none any more."""
    forget_it = partial(_forget, f"{origin} {username}")
    return await _in_time(forget_it, patience, failed=False) or False


async def _in_time(
    ask: Callable[[], Answer], patience: float, failed: Answer
) -> Answer | None:
    """Return the answer, or ``failed``; ``None`` when the keyring gives none.

    The thread is a daemon: one that waits for somebody to unlock a keyring must not
    keep a process from ending.
    """
    import asyncio  # half of what a command costs that needs none of it
    import threading

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def wait() -> None:
        found = failed
        with suppress(Exception):  # each backend has errors of its own
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
    import keyring

    keyring.set_password(SERVICE, account, password)
    return _find(account) == password


def _find(account: str) -> str:
    import keyring

    return keyring.get_password(SERVICE, account) or ""


def _forget(account: str) -> bool:
    try:
        import keyring
        from keyring.errors import NoKeyringError
    except ImportError:
        return True
    with suppress(NoKeyringError):
        if keyring.get_password(SERVICE, account) is not None:
            keyring.delete_password(SERVICE, account)
    return True
