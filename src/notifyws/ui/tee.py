"""The file of ``--tee``: JSON Lines, appended beside whatever else is shown.

The path is looked at before each burst, so that a file that was renamed, deleted or
replaced (by logrotate, say) is followed by a new one of its name. A line begins where
a line begins: what a full disk or a killed process left torn is closed first. What
could not be written is counted, and told as a gap once writing works again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from notifyws.config.files import is_torn, open_to_append
from notifyws.delivery.receiver import Item
from notifyws.errors import ConfigurationError
from notifyws.models import Notification


class Tee:
    """Appends the notifications of bursts to a file; never raises after its beginning.

    Args:
        path: the file; made, for its owner alone, when it is not there.
        warn: is told, once, that it cannot be written, and what is missing in the end.
        tell_gap: is told since when (RFC 3339) something is missing, and why, once
            the file can be written again.

    Raises:
        ConfigurationError: it cannot be opened for appending, or is no regular file.
    """

    def __init__(
        self,
        path: Path,
        warn: Callable[[str], None],
        tell_gap: Callable[[str, str], None],
    ) -> None:
        self._path, self._warn, self._tell_gap = path, warn, tell_gap
        self._missing, self._since, self._reason = 0, "", ""
        try:
            self._fd = open_to_append(path, ours=False)
            self._torn = is_torn(self._fd)
        except OSError as error:
            message = f"cannot append to {path}: {error.strerror}"
            raise ConfigurationError(message, "give --tee a file to write") from None

    def show(self, burst: Iterable[Item]) -> None:
        """Append the notifications of a burst."""
        notes = [item for item in burst if isinstance(item, Notification)]
        if not notes:
            return
        data = "".join(f"{note.line()}\n" for note in notes).encode()
        try:
            self._follow()
            written = self._append(data)
        except OSError as error:
            self._lose(notes, error.strerror or str(error))
        else:
            self._say_what_is_missing(self._tell_gap)
            if written < len(data):
                self._lose(notes[data.count(b"\n", 0, written) :], "the disk is full")

    def close(self) -> None:
        """Close the file, and say what is missing in it."""
        self.tell_missing()
        os.close(self._fd)

    def tell_missing(self) -> None:
        """Warn of what is missing in it so far."""
        self._say_what_is_missing(lambda since, reason: self._warn(reason))

    def _follow(self) -> None:
        """Open the file anew when the path leads to another one, or to none."""
        try:
            same = os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            same = False
        if not same:
            new = open_to_append(self._path, ours=False)
            os.close(self._fd)
            self._fd, self._torn = new, is_torn(new)

    def _append(self, data: bytes) -> int:
        """Append lines; return how many bytes of them."""
        if self._torn:
            os.write(self._fd, b"\n")
            self._torn = False
        return os.write(self._fd, data)

    def _lose(self, notes: Sequence[Notification], reason: str) -> None:
        self._torn = is_torn(self._fd)
        if not self._missing:
            again = "it is tried again with the next ones"
            self._warn(f"cannot append to {self._path}: {reason}; {again}")
            self._since, self._reason = notes[0].received, reason
        self._missing += len(notes)

    def _say_what_is_missing(self, tell: Callable[[str, str], None]) -> None:
        if self._missing:
            many = f"{self._missing} are missing in the file of --tee"
            self._missing = 0
            tell(self._since, f"{many}: {self._reason}")
