"""How every file that a person wrote is read: at once, whole, and not without end.

It is opened without waiting for a writer, must be a regular file, and is no larger
than what anybody writes by hand: a named pipe would hang us, a device never ends.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from notifyws.errors import ConfigurationError

__all__ = ["LIMIT", "read_text_file"]

LIMIT = 1 << 20
"""Bytes."""


def read_text_file(
    path: Path,
    what: str = "file",
    *,
    required: bool = True,
    encoding: str = "utf-8-sig",
) -> str:
    """Return the text of a file, its line ends as they are.

    Args:
        path: where it is.
        what: what it is, for the sentence that says it is not there.
        required: whether one that is not there is an error, and not empty.
        encoding: what its bytes are; by default a byte order mark is dropped.

    Raises:
        ConfigurationError: it is not there, no regular file, too large, no text.
    """
    try:
        mode, data = _read(path)
    except (FileNotFoundError, NotADirectoryError):
        if not required:
            return ""
        message = f"there is no {what} {path}"
        raise ConfigurationError(message, "check the path") from None
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ConfigurationError(message, "check its permissions") from None
    if not stat.S_ISREG(mode):
        kind = "folder" if stat.S_ISDIR(mode) else "pipe or a device"
        hint = "rename it, or name another file"
        raise ConfigurationError(f"{path} is a {kind}, not a file", hint)
    if len(data) > LIMIT:
        raise ConfigurationError(f"{path} is larger than 1 MiB", "name another file")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        message = f"{path} is not UTF-8 text"
        raise ConfigurationError(message, "save it as UTF-8") from None


def _read(path: Path) -> tuple[int, bytes]:
    """Return the mode of what is there, and what of it is read: a byte too much."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            return mode, b""
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return mode, file.read(LIMIT + 1)
    finally:
        os.close(descriptor)
