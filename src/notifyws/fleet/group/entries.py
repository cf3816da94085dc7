"""What Redis keeps of a group, as values: entries, batches, its standing; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from notifyws.delivery.outbox_records import ListenerPosition

Place = tuple[int, str]
"""Where an entry lies: number of its stream, and its id there."""


class Entry(Struct, frozen=True):
    """A notification in a stream: where, and its line of JSON (``None``: trimmed)."""

    stream: int
    id: str
    line: str | None

    @property
    def place(self) -> Place:
        """Where it lies."""
        return self.stream, self.id

    @property
    def at(self) -> float:
        """Unix seconds when it was appended."""
        return moment(self.id)


class Standing(Struct, frozen=True):
    """How a group stands, and where its member does in it.

    Args:
        slot: number of the lease that this member holds; -1 for none.
        proof: shows that; empty without one.
        began: the fencing number with which it began to lead, since when nobody else
            did; 0 without a lease.
        previous: who led until then, ``FENCE MEMBER``; empty for nobody, as Redis
            knows it.
        next_lease: seconds until another one's lease ends, ``None`` if there is none.
        leader: who leads, ``HOST:PID:...``; empty for nobody.
        fence: its fencing number; 0 for nobody.
        lag: entries that nobody has read.
        pending: entries that were read and are not acknowledged.
        own: those of them that this member has.
        oldest: unix seconds when the oldest unread or pending one was appended;
            ``None`` for none.
        at: unix seconds by Redis' clock.
        members: how many live.
        covered_since: unix seconds since when another member's socket is open; ``None``
            where none is.
        heard_at: RFC 3339; what the server sent until then is in the stream; empty
            where nobody said so.
    """

    slot: int = -1
    proof: str = ""
    began: int = 0
    previous: str = ""
    next_lease: float | None = None
    leader: str = ""
    fence: int = 0
    lag: int = 0
    pending: int = 0
    own: int = 0
    oldest: float | None = None
    at: float = 0.0
    members: int = 0
    covered_since: float | None = None
    heard_at: str = ""


class Batch(Struct, frozen=True):
    """What is appended in one step.

    Args:
        number: tells it from every other of this writer, for it may be tried again.
        lines: stream, line and what tells it from others (empty: nothing), of each.
        position: where the group stands at the server after it.
    """

    number: int
    lines: Sequence[tuple[int, str, str]]
    position: ListenerPosition


def standing_of(answer: Sequence[Any]) -> Standing:
    """Return what the script ``BEAT`` answers."""
    slot, proof, began, previous, soonest, holder, *rest = answer
    lag, pending, own, oldest, at, members, covered, heard_at = rest
    fence, _, leader = text_of(holder or b"").partition(" ")
    return Standing(
        slot,
        text_of(proof),
        began,
        text_of(previous),
        soonest / 1000 if soonest >= 0 else None,
        leader,
        int(fence or 0),
        lag,
        pending,
        own,
        None if oldest is None else oldest / 1000,
        at / 1000,
        members,
        None if covered is None else covered / 1000,
        text_of(heard_at),
    )


def moment(entry_id: str) -> float:
    """Return the unix seconds when an entry was appended."""
    return int(entry_id.partition("-")[0]) / 1000


def position_text(position: ListenerPosition) -> str:
    """Return a position as Redis keeps it."""
    return json.dumps(asdict(position))


def position_of(position: bytes | None, heard_at: bytes | None) -> ListenerPosition:
    """Return the position that Redis keeps; rubbish is none."""
    try:
        found = ListenerPosition.of(json.loads(position or b"{}"))
    except (ValueError, RecursionError):
        found = ListenerPosition()
    return replace(found, heard_at=text_of(heard_at or b""))


def line_of(fields: Any) -> str | None:
    """Return the line of an entry; ``None`` for one that was trimmed."""
    if not fields:
        return None
    pairs = fields if isinstance(fields, dict) else dict(_pairs(fields))
    return text_of(pairs.get(b"n", b""))


def _pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=False)


def text_of(value: bytes | str) -> str:
    """Return a text that Redis answered."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
