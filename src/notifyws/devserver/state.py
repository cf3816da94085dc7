"""What the server remembers: histories, sessions and the secret that signs tokens.

A history's ids rise, with holes. Live delivery and replay are the same thing here:
every connection reads on from the last id it has seen, so there is nothing between
the two that could be lost or doubled.

The file that survives a restart is JSON Lines, one for each thing that happened. It
is appended to with one unbuffered write each, so a killed process loses nothing that
it had published, and written anew (exclusively, for its owner alone, then renamed) at
each start. Without a path everything is kept in memory alone.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from notifyws.errors import ConfigurationError
from notifyws.models import strict_json

DIGITS = 20
"""Digits of the longest id that is looked for."""


class Entry(NamedTuple):
    """One notification: its text, and the connection (not 0) that sent it, if any."""

    id: int
    frame: str
    origin: int = 0


class Overtaken(LookupError):
    """An id is asked for after which entries are no longer kept."""


class History:
    """The newest notifications of one user.

    More is kept than is promised, so that whoever starts at the oldest promised entry
    is not overtaken by what is published meanwhile.

    Args:
        born: ids up to this one belong to an earlier life, of which nothing is known.
        limit: how many entries are promised to those who come back.
        floor: everything later than this id is kept; ``born`` if not told.
    """

    def __init__(self, born: int, limit: int, floor: int | None = None) -> None:
        self._born = born
        self._limit = limit
        self._dropped = born if floor is None else floor
        self._entries: list[Entry] = []

    @property
    def floor(self) -> int:
        """The newest id that is no longer promised."""
        older = len(self._entries) - self._limit
        return self._entries[older - 1].id if older > 0 else self._dropped

    @property
    def newest(self) -> int:
        """The newest id there is."""
        return self._entries[-1].id if self._entries else self._dropped

    def add(self, entry: Entry) -> None:
        """Append an entry; drop a whole ``limit`` of the oldest once in a while."""
        self._entries.append(entry)
        if len(self._entries) > 3 * self._limit:
            self._dropped = self._entries[self._limit - 1].id
            del self._entries[: self._limit]

    def promised(self) -> Sequence[Entry]:
        """Return every entry that is promised, oldest first."""
        return self._entries[-self._limit :]

    def after(self, ident: int, most: int) -> Sequence[Entry]:
        """Return the first entries later than ``ident``.

        Raises:
            Overtaken: some of them are gone.
        """
        if ident < self._dropped:
            raise Overtaken
        start = bisect_right(self._entries, ident, key=lambda entry: entry.id)
        return self._entries[start : start + most]

    def resume(self, since: str | None) -> tuple[int, dict[str, str] | None]:
        """Return after which id a client reads on, and the gap to be told it first.

        Args:
            since: the last id it has seen. Nothing starts from now, ``0`` from the
                oldest that is kept. An id that cannot be placed (no number, or
                ahead of ours) gets everything there is.
        """
        if not since:
            return self.newest, None
        known = since.isascii() and since.isdecimal() and len(since) <= DIGITS
        ident = (int(since) if known else -1) or self._born
        if self.floor <= ident <= self.newest:
            return ident, None
        oldest = self.after(self.floor, 1)
        to = oldest[0].id if oldest else self.newest
        reason = "the server no longer keeps what was sent in between"
        gap = {"type": "gap", "from": since, "to": str(to), "reason": reason}
        return self.floor, gap


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

    Raises:
        ConfigurationError: the file is something else, or cannot be used.
    """

    def __init__(self, path: Path | None, limit: int) -> None:
        self.secret = secrets.token_hex(32)
        self.born = time.time_ns() // 1000
        self.sessions: dict[str, Session] = {}
        self.histories: dict[str, History] = {}
        self._limit = limit
        self._fd = -1
        if path is None:
            return
        try:
            self._read(path)
            self._fd = self._written_anew(path)
        except (OSError, ValueError, TypeError, IndexError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or "it was not written by this"
            raise ConfigurationError(
                f"the state file {path} cannot be used: {reason}",
                "name a new file with --state",
            ) from error

    def history(self, user: str) -> History:
        """Return the history of ``user``, an empty one at first."""
        return self.histories.setdefault(user, History(self.born, self._limit))

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
        match kind:
            case "server":
                self.secret, self.born = bytes.fromhex(facts[0]).hex(), int(facts[1])
            case "session":
                self.sessions[facts[0]] = Session(*facts)
            case "ended":
                self.sessions.pop(facts[0], None)
            case "floor":
                floor = int(facts[1])
                self.histories[facts[0]] = History(self.born, self._limit, floor)
            case "note":
                self.history(facts[0]).add(Entry(int(facts[1]), facts[2]))
            case _:
                raise ValueError(kind)

    def _read(self, path: Path) -> None:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise OSError(0, "it is not a regular file")
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                self._restore(*json.loads(line))
            except (ValueError, TypeError, IndexError, RecursionError):
                if not number == len(lines) > 1:  # a write that a kill cut short
                    raise

    def _write(self, *record: Any) -> None:
        if self._fd >= 0:
            os.write(self._fd, _line(record))

    def _written_anew(self, path: Path) -> int:
        """Write what is still worth keeping to a new file; return its descriptor."""
        fd, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(fd, "wb", closefd=False) as file:
                file.writelines(map(_line, self._records()))
            Path(new).replace(path)
        except BaseException:
            os.close(fd)
            Path(new).unlink(missing_ok=True)
            raise
        return fd


def _line(record: tuple[Any, ...]) -> bytes:
    return strict_json(record).encode("ascii") + b"\n"
