"""What the dead-letter file holds: what no sink took, one JSON object a line.

A line is ``{"sink", "error", "attempts", "at", "notification"}``; the notification
stands there whole, as text where it is none. The file is its owner's alone, and
appended to: a letter is written whole or not at all. When that cannot be, the letter
is told in full on the way out, for nothing is lost in silence. A replay delivers its
letters again, and writes the file anew at the end: one that is killed delivers some
twice and loses none.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict

from notifyws.clock import real_clock
from notifyws.config.files import locked, open_regular, private_folder, write_private
from notifyws.config.settings import Settings
from notifyws.delivery.build import build_sinks
from notifyws.delivery.outbox_records import notification_of
from notifyws.errors import ConfigurationError, MessageRejected, UsageError
from notifyws.models import DeliveryTargets, strict_json

if TYPE_CHECKING:
    from notifyws.delivery.worker import Sink

HINT = "name the file that a warning told"


class DeadLetter(Struct, frozen=True):
    """What a sink finally did not take.

    Args:
        sink: its name.
        error: why it did not.
        attempts: how often it was tried.
        at: RFC 3339 UTC; when it was given up.
        line: the notification as one line of JSON, or whatever waited in its place.
    """

    sink: str
    error: str
    attempts: int
    at: str
    line: str

    def as_line(self) -> str:
        """Return it as one line of JSON; the notification stays as it was, whole."""
        facts = asdict(self)
        line = facts.pop("line")
        whole = line if self._is_one_line() else strict_json(line)
        return f'{strict_json(facts)[:-1]},"notification":{whole}}}'

    def _is_one_line(self) -> bool:
        try:
            notification_of(self.line)
        except ValueError:
            return False
        return len(self.line.splitlines()) == 1

    @classmethod
    def of_line(cls, line: str) -> DeadLetter:
        """Return what :meth:`as_line` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            value = json.loads(line)
            note = value["notification"]
            line = note if isinstance(note, str) else strict_json(note)
            if line is not note and not isinstance(note["type"], str):
                raise TypeError
            sink, error, tries = value["sink"], value["error"], int(value["attempts"])
            return cls(sink, error, tries, value["at"], line)
        except (TypeError, KeyError, RecursionError):
            raise ValueError("this is no dead letter") from None


class DeadLetters:
    """The file of a listener's dead letters.

    Args:
        path: the file; made when the first letter comes.
        warn: is told of each letter, in one sentence.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self.path = path
        self._warn = warn

    async def write_dead_letter(self, letter: DeadLetter) -> None:
        """Append a letter; never raises."""
        why = f"{letter.sink} did not take a notification: {letter.error}"
        try:
            self._append(letter.as_line().encode() + b"\n")
        except OSError as error:
            reason = error.strerror or str(error)
            lost = f"{why}; and {self.path} cannot be written: {reason}; it was"
            self._warn(f"{lost} {letter.line}")
        else:
            self._warn(f"{why}; kept in {self.path}")

    def read(self) -> list[DeadLetter]:
        """Return what the file holds.

        Raises:
            ConfigurationError: it cannot be read, or holds something else.
        """
        try:
            with open(open_regular(self.path), encoding="utf-8", newline="\n") as file:
                lines = file.read().split("\n")
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
            hint = "its letters were delivered: they may come twice"
            raise self._unwritable(error, hint) from None

    def _unwritable(self, error: OSError, hint: str = HINT) -> ConfigurationError:
        return ConfigurationError(f"cannot write {self.path}: {error.strerror}", hint)

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


async def replay(
    path: Path,
    settings: Settings,
    deliver: DeliveryTargets,
    warn: Callable[[str], None],
) -> int:
    """Deliver the letters of a file again; return how many were taken.

    Args:
        path: the file.
        settings: how often each is tried.
        deliver: to whom.
        warn: is told what was not taken again.

    Raises:
        UsageError: there is nobody to deliver to.
        ConfigurationError: the file cannot be used.
        MessageRejected: some were not taken; they are still in the file.
    """
    sinks = build_sinks(settings, deliver, real_clock(), warn)
    if not sinks:
        hint = "add --exec, --forward-to or --notify"
        raise UsageError("--replay needs somebody to hand on to", hint)
    file = DeadLetters(path, warn)
    file.read()  # what is no file of letters needs no lock beside it
    with file.claimed():
        letters = file.read()
        left: list[DeadLetter] = []
        try:
            await _deliver(letters, left, sinks, settings, warn)
        finally:
            file.replace(len(letters), left)
    if left:
        message = f"{len(left)} of {len(letters)} dead letters were not taken"
        raise MessageRejected(f"{message}: they are still in {path}", "try again later")
    return len(letters)


async def _deliver(
    letters: Iterable[DeadLetter],
    left: list[DeadLetter],
    sinks: Sequence[Sink],
    settings: Settings,
    warn: Callable[[str], None],
) -> None:
    """Deliver letters, each to who takes it; the others are added to ``left``."""
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.outbox_file import OutboxFile

    async def keep(letter: DeadLetter) -> None:
        warn(f"{letter.sink} did not take a notification again: {letter.error}")
        left.append(letter)

    outbox = Outbox(
        OutboxFile(None, warn),
        sinks,
        settings,
        real_clock(),
        write_dead_letter=keep,
        warn=warn,
        durable=False,
    )
    for letter in letters:
        try:
            outbox.keep_for(_taker(letter, sinks), notification_of(letter.line))
        except ValueError as error:
            warn(f"a letter to {letter.sink} stays: {error}")
            left.append(letter)
    outbox.start()
    try:
        await outbox.drained()
    finally:
        await outbox.aclose(0.0)


def _taker(letter: DeadLetter, sinks: Sequence[Sink]) -> str:
    """Return who takes a letter: the one that did not, or the only one there is.

    Raises:
        ValueError: nobody does.
    """
    names = [sink.name for sink in sinks]
    if letter.sink in names:
        return letter.sink
    if len(names) > 1:
        raise ValueError("it is not among those given")
    return names[0]
