"""What survives a restart: a file of JSON Lines, one for each thing that happened.

It is appended to with one unbuffered write each, so a killed process loses nothing
that it had published, and written anew (beside, then renamed) when it has grown.
Without a path nothing is kept and nothing is written.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from notifyws.devserver.history import Entry, History
from notifyws.devserver.tokens import Session
from notifyws.errors import ConfigurationError
from notifyws.models import strict_json

__all__ = ["Journal", "Memory", "Record", "load"]

Record = tuple[Any, ...]

GROWN = 100_000
"""Records after which the file is written anew."""


@dataclass(slots=True)
class Memory:
    """Everything the server knows that is worth keeping.

    Args:
        limit: notifications kept for each user.
        secret: signs access tokens; new in each life unless it was kept.
        born: ids up to this one belong to an earlier life.
    """

    limit: int
    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    born: int = field(default_factory=lambda: time.time_ns() // 1000)
    sessions: dict[str, Session] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)

    def history(self, user: str) -> History:
        """Return the history of ``user``, an empty one at first."""
        if user not in self.histories:
            self.histories[user] = History(self.born, self.limit)
        return self.histories[user]

    def remember(self, session: Session) -> None:
        """Put a session in place of what it was before."""
        self.sessions[session.id] = session

    def records(self) -> Iterator[Record]:
        """Yield what, taken up again in this order, gives this memory."""
        yield ("server", self.secret, self.born)
        for session in self.sessions.values():
            yield ("session", *astuple(session))
        for user, history in self.histories.items():
            yield ("floor", user, history.floor)
            for entry in history.promised():
                yield ("note", user, entry.id, entry.frame)

    def take_up(self, kind: str, *facts: Any) -> None:
        """Do again what a record says."""
        if kind == "server":
            self.secret, self.born = facts
        elif kind == "session":
            self.remember(Session(*facts))
        elif kind == "ended":
            self.sessions.pop(facts[0], None)
        elif kind == "floor":
            self.histories[facts[0]] = History(self.born, self.limit, facts[1])
        elif kind == "note":
            self.history(facts[0]).add(Entry(facts[1], facts[2]))
        else:
            raise ValueError(kind)


def load(path: Path | None, limit: int) -> Memory:
    """Return what ``path`` remembers, or a new memory where there is no file yet.

    Raises:
        ConfigurationError: the file cannot be read, or is something else.
    """
    memory = Memory(limit)
    if path is None:
        return memory
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return memory
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the state file {path} cannot be read") from error
    _replay(memory, lines, path)
    return memory


def _replay(memory: Memory, lines: list[str], path: Path) -> None:
    last = len(lines) - 1
    for number, line in enumerate(lines):
        try:
            memory.take_up(*json.loads(line))
        except (ValueError, TypeError, IndexError) as error:
            if number == last and number > 0:
                return  # a write that a kill cut short
            raise ConfigurationError(
                f"{path} is no state file of this server (line {number + 1})",
                "name a new file with --state",
            ) from error


class Journal:
    """The open file.

    Args:
        path: where it is; ``None`` keeps nothing.
        snapshot: gives the records that a rewritten file begins with.
        grown: records after which it is written anew.

    Raises:
        ConfigurationError: the file cannot be written.
    """

    def __init__(
        self,
        path: Path | None,
        snapshot: Callable[[], Iterable[Record]],
        grown: int = GROWN,
    ) -> None:
        self._path = path
        self._snapshot = snapshot
        self._grown = grown
        self._written = 0
        self._fd = -1
        try:
            self._rewrite()
        except OSError as error:
            raise ConfigurationError(
                f"the state file {path} cannot be written: {error.strerror}"
            ) from error

    def write(self, *record: Any) -> None:
        """Add one record to the end of the file."""
        if self._fd < 0:
            return
        os.write(self._fd, _line(record))
        self._written += 1
        if self._written > self._grown:
            self._rewrite()

    def close(self) -> None:
        """Close the file; later records are let go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _rewrite(self) -> None:
        if self._path is None:
            return
        self.close()
        new = self._path.with_name(f"{self._path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        self._fd = os.open(new, flags, 0o600)
        with os.fdopen(self._fd, "wb", closefd=False) as file:
            file.writelines(_line(record) for record in self._snapshot())
        new.replace(self._path)
        self._written = 0


def _line(record: Record) -> bytes:
    return strict_json(record).encode("ascii") + b"\n"
