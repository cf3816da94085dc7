"""The remembered login: where, who and how; never the password.

One small file in the state folder, 0600, written by ``auth login`` and forgotten by
``auth logout``; it is used only when nothing else says where to go.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from notifyws.config.folders import private_folder
from notifyws.config.text_files import read_text_file
from notifyws.errors import ConfigurationError

__all__ = ["forget", "recall", "remember", "write_private"]

KEYS = ("url", "socket_url", "username", "profile", "token_in")


def login_file() -> Path:
    """Return the path of the file."""
    import platformdirs

    return platformdirs.user_state_path("notifyws") / "login.json"


def remember(values: Mapping[str, str]) -> None:
    """Keep what later commands shall use.

    Raises:
        OSError: the state folder cannot be written.
    """
    kept = {key: values[key] for key in KEYS if values.get(key)}
    write_private(login_file(), json.dumps(kept, indent=2) + "\n")


def recall() -> dict[str, str]:
    """Return what was kept; empty when there is nothing, or nothing of sense."""
    try:
        kept = json.loads(read_text_file(login_file(), required=False))
        return {key: str(kept[key]) for key in KEYS if kept.get(key)}
    except (ConfigurationError, ValueError, AttributeError, TypeError, RecursionError):
        return {}


def forget() -> None:
    """Forget it."""
    with contextlib.suppress(OSError):
        login_file().unlink()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
