"""The dead-letter file: what no sink took, one JSON object a line; and its replay.

What such an object holds is ``outbox_records.DeadLetter``. The file is its owner's
alone, and appended to: a letter is written whole, on a line of its own, or not at all.
When that cannot be, the letter is told on the way out, as far as a line of talk goes,
and what is cut of it is counted. A replay delivers letters again, and writes the file
anew at the end: one that is killed delivers some twice and loses none. A line that is
no letter, torn or a stranger's, stays.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from notifyws.clock import real_clock
from notifyws.config.files import (
    append_line,
    locked,
    open_regular,
    open_to_append,
    private_folder,
    write_private,
)
from notifyws.config.settings import Settings
from notifyws.delivery.build_sinks import build_sinks
from notifyws.delivery.outbox import Outbox
from notifyws.delivery.outbox_file import OutboxFile
from notifyws.delivery.outbox_records import DeadLetter, notification_of
from notifyws.delivery.targets import DeliveryTargets
from notifyws.delivery.worker import Sink
from notifyws.errors import ConfigurationError, MessageRejected, UsageError

HINT = "name the file that a warning told"
TRIES = 20
"""How often an append is tried while another process holds the file."""


class DeadLetters:
    """The file of a listener's dead letters.

    Args:
        path: the file; made when the first letter comes.
        warn: is told of each letter, in one sentence.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self.path = path
        self._warn = warn

    async def write_dead_letters(self, *letters: DeadLetter) -> None:
        """Append letters of one sink, for one reason, at once; never raises."""
        first, count = letters[0], len(letters)
        what = "a notification" if count == 1 else f"{count:,} notifications"
        why = f"{first.sink} did not take {what}: {first.error}"
        lines = "".join(f"{letter.as_line()}\n" for letter in letters).encode()
        try:
            for _ in range(TRIES):
                with suppress(BlockingIOError):  # another process is at it
                    self._append(lines)
                    break
                await asyncio.sleep(0.05)
            else:
                raise OSError(None, "another process does not let go of it")
        except OSError as error:
            reason = error.strerror or str(error)
            lost = f"{why}; and {self.path} cannot be written: {reason}; it was"
            for letter in letters:
                self._warn(f"{lost} {letter.line}")
        else:
            self._warn(f"{why}; kept in {self.path}")

    def read(self) -> list[DeadLetter]:
        """Return what the file holds; a line that is no letter as one of nobody's.

        Raises:
            ConfigurationError: it cannot be read, or holds no letter at all.
        """
        try:
            with os.fdopen(open_regular(self.path), "rb") as file:
                lines = [line for line in file.read().split(b"\n") if line]
        except OSError as error:
            message = f"cannot read dead letters from {self.path}: {error.strerror}"
            raise ConfigurationError(message, HINT) from None
        letters = [_letter(line.decode("utf-8", "backslashreplace")) for line in lines]
        if letters and not any(letter.sink for letter in letters):
            raise ConfigurationError(f"{self.path} holds no dead letter", HINT)
        return letters

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

    def _append(self, line: bytes) -> None:
        private_folder(self.path.parent)
        while True:
            descriptor = open_to_append(self.path, ours=True)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not self._is_still_there(descriptor):
                    continue  # a replay put another file in its place
                start = os.fstat(descriptor).st_size
                try:
                    return append_line(descriptor, line)
                except OSError:
                    os.ftruncate(descriptor, start)
                    raise
            finally:
                os.close(descriptor)

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            here = os.stat(self.path)
        except FileNotFoundError:
            return False
        return os.path.samestat(here, os.fstat(descriptor))


def _letter(line: str) -> DeadLetter:
    try:
        return DeadLetter.of_line(line)
    except ValueError as error:
        return DeadLetter("", f"{error}, what stood in its place", 0, "", line)


def _named(path: Path) -> Path:
    """Return the file that somebody named, also where that is a link to it."""
    return path.resolve()


async def replay(
    path: Path,
    settings: Settings,
    deliver: DeliveryTargets,
    warn: Callable[[str], None],
) -> int:
    """Deliver the letters of a file again; return how many were taken.

    Raises:
        UsageError: there is nobody to deliver to.
        ConfigurationError: the file cannot be used.
        MessageRejected: some were not taken; they are still in the file.
    """
    sinks = build_sinks(settings, deliver, real_clock(), warn)  # without routing: now
    if not sinks:
        hint = "add --exec, --forward-to, --notify, --apprise or --routes"
        raise UsageError("--replay needs somebody to hand on to", hint)
    file = DeadLetters(_named(path), warn)
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

    async def keep(*letters: DeadLetter) -> None:
        for letter in letters:
            warn(f"{letter.sink} did not take a notification again: {letter.error}")
        left.extend(letters)

    outbox = Outbox(
        OutboxFile(None, warn),
        sinks,
        settings,
        real_clock(),
        write_dead_letters=keep,
        warn=warn,
        durable=False,
    )
    for letter in letters:
        try:
            outbox.keep_for(_taker(letter, sinks), notification_of(letter.line))
        except ValueError as error:
            warn(f"a letter to {letter.sink or 'nobody'} stays: {error}")
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
