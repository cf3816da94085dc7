"""The place of a durable queue on a disk: its file, and a lock beside it.

A file belongs to one process at a time. Both may be taken away while they are open, by
a cleaner of old files, say: what is written then is lost with the process, and a lock
that nobody finds keeps nobody out. So whoever writes looks first. It knows nothing of
what the file holds.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from notifyws.config.files import locked, open_to_append, private_folder


class OutboxPlace:
    """A file and its lock, once they are taken.

    Args:
        path: the file; the lock has its name and ``.lock``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        self._lock: int | None = None
        self._file: tuple[int, int] | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the lock is held."""
        return self._lock is not None

    def take(self) -> None:
        """Take the lock, and make the file where it is not there.

        Raises:
            BlockingIOError: another process holds the lock.
            OSError: folder, lock or file cannot be made.
        """
        private_folder(self.path.parent)
        self._lock = locked(self._lock_path)
        self.make()

    def make(self) -> None:
        """Make the file, and its folder, where they are not there.

        Raises:
            OSError: they cannot be made.
        """
        private_folder(self.path.parent)
        os.close(open_to_append(self.path, ours=True))

    def note(self) -> None:
        """Take note which file it is that was opened."""
        found = os.stat(self.path)
        self._file = found.st_dev, found.st_ino

    def look(self) -> Literal["same", "gone", "another"]:
        """Return whether the path still leads to it, as far as anybody can tell."""
        try:
            found = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return "gone"
        except OSError:
            return "same"
        return "same" if (found.st_dev, found.st_ino) == self._file else "another"

    def hold_lock(self) -> None:
        """Take the lock again where its file was taken away.

        Raises:
            BlockingIOError: another process was quicker.
            OSError: it cannot be taken.
        """
        assert self._lock is not None
        try:
            found = os.stat(self._lock_path)
        except (FileNotFoundError, NotADirectoryError):
            private_folder(self.path.parent)
        else:
            if os.path.samestat(found, os.fstat(self._lock)):
                return
        taken = locked(self._lock_path)
        os.close(self._lock)
        self._lock = taken

    def leave(self) -> None:
        """Give the lock back; safe to call twice."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
