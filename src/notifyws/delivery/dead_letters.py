"""The file of dead letters: JSON Lines, its owner's alone, appended to.

A letter is written whole or not at all. When the file cannot be written the letter is
told in full on the way out, for nothing is lost in silence.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from notifyws.config.files import locked, open_regular, private_folder, write_private
from notifyws.delivery.outbox_records import DeadLetter
from notifyws.errors import ConfigurationError

__all__ = ["DeadLetters"]

HINT = "name the file that a warning told"


class DeadLetters:
    """Appends letters to a file.

    Args:
        path: the file; made when the first letter comes.
        warn: is told of each letter, in one sentence.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self.path = path
        self._warn = warn

    async def write_dead_letter(self, dead_letter: DeadLetter) -> None:
        """Keep a letter; never raises."""
        why = f"{dead_letter.sink} did not take a notification: {dead_letter.error}"
        try:
            self._append(dead_letter.as_line().encode() + b"\n")
        except OSError as error:
            reason = error.strerror or str(error)
            lost = f"{why}; and {self.path} cannot be written: {reason}; it was"
            self._warn(f"{lost} {dead_letter.line}")
        else:
            self._warn(f"{why}; kept in {self.path}")

    def read(self) -> list[DeadLetter]:
        """Return what the file holds.

        Raises:
            ConfigurationError: it cannot be read, or holds something else.
        """
        try:
            lines = self._text().split("\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            message = f"cannot read dead letters from {self.path}: {reason}"
            raise ConfigurationError(message, HINT) from None
        return [self._letter(at, line) for at, line in enumerate(lines, 1) if line]

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the only one who replays the file: appending to it goes on.

        Raises:
            ConfigurationError: another process replays it, or it cannot be written.
        """
        try:
            claim = locked(self.path.with_name(f".{self.path.name}.lock"))
        except BlockingIOError:
            message = f"{self.path} is being replayed by another process"
            raise ConfigurationError(message, "wait until that has ended") from None
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            yield
        finally:
            os.close(claim)

    def replace(self, known: int, left: list[DeadLetter]) -> None:
        """Put what is left in the place of the first ``known`` letters.

        What another process appended meanwhile stays.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        try:
            with self.path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                later = [line for line in file.read().split(b"\n") if line][known:]
                lines = [*(each.as_line().encode() for each in left), *later]
                if not lines:
                    self.path.unlink()
                    return
                write_private(self.path, b"\n".join([*lines, b""]))
        except OSError as error:
            raise self._unwritable(
                error, "its letters were handed on: they may come twice"
            ) from None

    def _unwritable(self, error: OSError, hint: str = HINT) -> ConfigurationError:
        return ConfigurationError(f"cannot write {self.path}: {error.strerror}", hint)

    def _text(self) -> str:
        descriptor = open_regular(self.path)
        with open(descriptor, encoding="utf-8", newline="\n") as file:
            return file.read()

    def _letter(self, number: int, line: str) -> DeadLetter:
        try:
            return DeadLetter.of_line(line)
        except ValueError:
            message = f"{self.path}, line {number}, is no dead letter"
            raise ConfigurationError(message, HINT) from None

    def _append(self, line: bytes) -> None:
        private_folder(self.path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        while True:
            descriptor = os.open(self.path, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not self._is_still_there(descriptor):
                    continue  # a replay put another file in its place
                start = os.fstat(descriptor).st_size
                if os.write(descriptor, line) != len(line):
                    os.ftruncate(descriptor, start)
                    raise OSError(None, "the disk is full")
                return
            finally:
                os.close(descriptor)

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            here = os.stat(self.path)
        except FileNotFoundError:
            return False
        return os.path.samestat(here, os.fstat(descriptor))
