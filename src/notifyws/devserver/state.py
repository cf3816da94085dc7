"""What survives a restart: sessions, histories and the secret that signs tokens.

A file of JSON Lines, one for each thing that happened. It is appended to with one
unbuffered write each, so a killed process loses nothing that it had published, and
written anew (exclusively, for its owner alone, then renamed) at each start and when
it has grown. Without a path everything is kept in memory alone.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from notifyws.devserver.history import Entry, History
from notifyws.errors import ConfigurationError
from notifyws.models import strict_json

__all__ = ["Session", "State"]

GROWN = 100_000
"""Records after which the file is written anew."""


class Session(NamedTuple):
    """One login, with the SHA-256 of the only refresh token that continues it.

    Args:
        refresh_ends, ends: when that token is over, and all; seconds since 1970.
        generation: the one that an access token must have.
    """

    id: str
    user: str
    refresh: str
    refresh_ends: float
    ends: float
    generation: int


class State:
    """Everything the server knows that is worth keeping.

    Args:
        path: the file; ``None`` keeps nothing.
        limit: notifications kept for each user.
        grown: records after which the file is written anew.

    Raises:
        ConfigurationError: the file is something else, or cannot be used.
    """

    def __init__(self, path: Path | None, limit: int, grown: int = GROWN) -> None:
        self.secret = secrets.token_hex(32)
        self.born = time.time_ns() // 1000
        self.sessions: dict[str, Session] = {}
        self.histories: dict[str, History] = {}
        self._path = path
        self._limit = limit
        self._grown = grown
        self._written = 0
        self._fd = -1
        if path is None:
            return
        try:
            self._read(path)
            self._rewrite(path)
        except (OSError, ValueError, TypeError, IndexError) as error:
            reason = getattr(error, "strerror", None) or "it was not written by this"
            raise ConfigurationError(
                f"the state file {path} cannot be used: {reason}",
                "name a new file with --state",
            ) from error

    def history(self, user: str) -> History:
        """Return the history of ``user``, an empty one at first."""
        if user not in self.histories:
            self.histories[user] = History(self.born, self._limit)
        return self.histories[user]

    def publish(self, user: str, entry: Entry) -> None:
        """Append an entry to the history of ``user``."""
        self.history(user).add(entry)
        self._write("note", user, entry.id, entry.frame)

    def keep(self, session: Session) -> None:
        """Put a session in place of what it was before."""
        self.sessions[session.id] = session
        self._write("session", *session)

    def drop(self, session: Session) -> None:
        """Forget a session that is over."""
        del self.sessions[session.id]
        self._write("ended", session.id)

    def close(self) -> None:
        """Close the file; later changes are kept in memory alone."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _records(self) -> Iterator[tuple[Any, ...]]:
        yield ("server", self.secret, self.born)
        for session in self.sessions.values():
            yield ("session", *session)
        for user, history in self.histories.items():
            yield ("floor", user, history.floor)
            for entry in history.promised():
                yield ("note", user, entry.id, entry.frame)

    def _restore(self, kind: str, *facts: Any) -> None:
        if kind == "server":
            self.secret, self.born = bytes.fromhex(facts[0]).hex(), int(facts[1])
        elif kind == "session":
            self.sessions[facts[0]] = Session(*facts)
        elif kind == "ended":
            self.sessions.pop(facts[0], None)
        elif kind == "floor":
            self.histories[facts[0]] = History(self.born, self._limit, int(facts[1]))
        elif kind == "note":
            self.history(facts[0]).add(Entry(int(facts[1]), facts[2]))
        else:
            raise ValueError(kind)

    def _read(self, path: Path) -> None:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise OSError(0, "it is not a regular file")
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                self._restore(*json.loads(line))
            except (ValueError, TypeError, IndexError):
                if not number == len(lines) > 1:  # a write that a kill cut short
                    raise

    def _write(self, *record: Any) -> None:
        if self._fd >= 0 and self._path is not None:
            os.write(self._fd, _line(record))
            self._written += 1
            if self._written > self._grown:
                self._rewrite(self._path)

    def _rewrite(self, path: Path) -> None:
        fd, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(fd, "wb", closefd=False) as file:
                file.writelines(map(_line, self._records()))
            Path(new).replace(path)
        except BaseException:
            os.close(fd)
            Path(new).unlink(missing_ok=True)
            raise
        self.close()
        self._fd, self._written = fd, 0


def _line(record: tuple[Any, ...]) -> bytes:
    return strict_json(record).encode("ascii") + b"\n"
