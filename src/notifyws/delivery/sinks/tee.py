"""A file to which each notification is appended, as a line of JSON: ``tee``.

The file is opened for each line, so that one that was renamed, deleted or replaced (by
logrotate, say) is followed by a new one of its name. A line begins where a line
begins: what a full disk left torn is closed first. A disk that hangs has a thread of
its own to hang.
"""

from __future__ import annotations

import asyncio
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from notifyws.config.files import append_line, open_to_append
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification


class TeeSink:
    """Appends each notification to a file.

    Args:
        path: the file; made, for its owner alone, when it is not there.
        timeout: seconds it may take.

    Raises:
        ConfigurationError: it cannot be appended to, or is no regular file.
    """

    name = "tee"

    def __init__(self, path: Path, timeout: float) -> None:
        self._path, self._timeout = path, timeout
        self._thread = ThreadPoolExecutor(1, "tee")
        try:
            _demand_writable(path)
        except OSError as error:
            message = f"cannot append to {path}: {error.strerror}"
            raise ConfigurationError(message, "give tee a file to write") from None

    async def deliver(self, notification: Notification) -> None:
        """Return when it stands in the file."""
        line = f"{notification.line()}\n".encode()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout):
                await loop.run_in_executor(self._thread, self._append, line)
        except TimeoutError:
            took = f"{self._path} took longer than {self._timeout:g} s"
            raise DeliveryFailed(took) from None
        except OSError as error:
            reason = error.strerror or str(error)
            said = f"cannot append to {self._path}: {reason}"
            raise DeliveryFailed(said) from None

    async def aclose(self) -> None:
        """Wait for nobody: what hangs ends with the disk, or the process."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _append(self, line: bytes) -> None:
        descriptor = open_to_append(self._path, ours=False)
        try:
            append_line(descriptor, line)
        finally:
            os.close(descriptor)


def _demand_writable(path: Path) -> None:
    """Raise an ``OSError`` where nothing can be appended; a new file is not made."""
    if path.exists():
        os.close(open_to_append(path, ours=False))
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        number = errno.EACCES if path.parent.is_dir() else errno.ENOENT
        raise OSError(number, os.strerror(number))
