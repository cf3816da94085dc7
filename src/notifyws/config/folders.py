"""Folders and locks that are their owner's alone; files that cannot block us."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

__all__ = ["locked", "open_regular", "private_folder"]


def locked(path: Path) -> int:
    """Return the descriptor of a lock file; to close it gives the lock back.

    The file stays: where it were removed, two could hold a lock of one name.

    Raises:
        BlockingIOError: another process holds the lock.
        OSError: the file cannot be made.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def open_regular(path: Path) -> int:
    """Return a descriptor to read a regular file with.

    A named pipe is not waited for, and a device is not read.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return descriptor


def private_folder(path: Path) -> None:
    """Make a folder and those above it, 0700 each where it was not there.

    ``Path.mkdir`` leaves those above to the umask.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        return
    private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
