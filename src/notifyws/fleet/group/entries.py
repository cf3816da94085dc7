"""What Redis keeps of a group, as values: entries, batches, its standing; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct, convert
from msgspec.structs import asdict, replace

from notifyws.clock import utc_text
from notifyws.delivery.outbox_records import ListenerPosition

END_OF_TIME = 253_402_300_799.0
"""Unix seconds of the last moment that a calendar knows."""

Place = tuple[int, str]
"""Where an entry lies: number of its stream, and its id there."""
Line = tuple[int, str, str]
"""Number of its stream, line, and what tells it from others (empty: nothing)."""


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
        others: of each socket that another member holds, since when it is open and
            until when it was heard, in unix seconds by Redis' clock.
        heard_at: RFC 3339; what the server sent until then is in the stream; empty
            where nobody said so.
        lost: unix milliseconds when it was noticed that somebody took unread entries
            away; 0 for never, or where that is dealt with.
        back_to: unix seconds to which Redis has gone back at most, since the latest
            beat: what was appended then may be lost; ``None`` where it has not.
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
    others: tuple[tuple[float, float], ...] = ()
    heard_at: str = ""
    lost: int = 0
    back_to: float | None = None


class Leading(Struct, frozen=True):
    """What a leader says of itself with a beat; nothing, where it leads not.

    Args:
        began: the fencing number with which it began to lead.
        heard_at: RFC 3339; what its server sent until then is in the stream; empty
            where the connection is cut, or that is unknown.
        open_for: seconds for which its connection is open.
        last_batch: the name of the batch that it surely appended last; empty for none.
        has_open_gaps: whether something may be missing that was not said yet: should it
            die now, who leads next has to say it.
    """

    began: int = 0
    heard_at: str = ""
    open_for: float = 0.0
    last_batch: str = ""
    has_open_gaps: bool = False


class Batch(Struct, frozen=True):
    """What is appended in one step.

    Args:
        number: tells it from every other of this leadership, for it may be tried again.
        position: where the group stands at the server after it.
        began: the fencing number of that leadership; a member may lead again.
    """

    number: int
    lines: Sequence[Line]
    position: ListenerPosition
    began: int = 0


class _Beat(Struct, array_like=True, frozen=True):
    """The answer of the script ``BEAT``, as it has to look."""

    slot: int
    proof: bytes
    began: int
    previous: bytes
    soonest: int
    holder: bytes | None
    lag: int
    pending: int
    own: int
    oldest: int | None
    at: int
    members: int
    others: list[tuple[int, int]]
    heard_at: bytes
    lost: int
    back_to: int


def standing_of(answer: Sequence[Any]) -> Standing:
    """Return what the script ``BEAT`` answers.

    Raises:
        ValueError: it is something else.
    """
    told = convert(answer, _Beat)
    fence, _, leader = text_of(told.holder or b"").partition(" ")
    return Standing(
        told.slot,
        text_of(told.proof),
        told.began,
        text_of(told.previous),
        told.soonest / 1000 if told.soonest >= 0 else None,
        leader,
        int(fence or 0),
        told.lag,
        told.pending,
        told.own,
        None if told.oldest is None else told.oldest / 1000,
        told.at / 1000,
        told.members,
        tuple((since / 1000, heard / 1000) for since, heard in told.others),
        heard_text(told.heard_at, told.at / 1000),
        told.lost,
        None if told.back_to < 0 else told.back_to / 1000,
    )


def moment(entry_id: str) -> float:
    """Return the unix seconds when an entry was appended; 0 for an id that is none."""
    digits = entry_id.partition("-")[0]
    return int(digits[:20]) / 1000 if digits.isascii() and digits.isdigit() else 0.0


def moment_text(unix_seconds: float) -> str:
    """Return a moment that Redis tells as RFC 3339, the nearest that a calendar knows.

    Args:
        unix_seconds: entries have ids, and so moments, that others may have given.
    """
    return utc_text(min(max(unix_seconds, 0.0), END_OF_TIME))


def heard_text(text: bytes | str | None, now: float) -> str:
    """Return until when the server was heard, as Redis keeps it; rubbish is nothing.

    Args:
        text: RFC 3339.
        now: unix seconds; nobody heard anything later.
    """
    with suppress(ValueError, OverflowError):
        heard = datetime.fromisoformat(text_of(text or b"")[:40])
        if heard.tzinfo is not None:
            return moment_text(min(heard.timestamp(), now))
    return ""


def position_text(position: ListenerPosition) -> str:
    """Return a position as Redis keeps it."""
    return json.dumps(asdict(position))


def shifted(text: str, seconds: float) -> str:
    """Return a moment in RFC 3339 as another clock tells it; nothing stays nothing.

    Args:
        text: as :func:`heard_text` gives it.
        seconds: that the other clock is ahead.
    """
    if not (text and seconds):
        return text
    return moment_text(datetime.fromisoformat(text).timestamp() + seconds)


def position_of(
    position: bytes | None, heard_at: bytes | None, now: float
) -> ListenerPosition:
    """Return the position that Redis keeps; rubbish is none.

    Args:
        position: as :func:`position_text` gives it.
        heard_at: RFC 3339; until when the server was heard.
        now: unix seconds; no moment lies later.
    """
    try:
        found = ListenerPosition.of(json.loads(position or b"{}"))
    except (ValueError, RecursionError):
        found = ListenerPosition()
    return replace(found.until(now), heard_at=heard_text(heard_at, now))


def line_of(fields: Any) -> str | None:
    """Return the line of an entry; ``None`` for one that was trimmed."""
    if not fields:
        return None
    if not isinstance(fields, dict):
        fields = dict(zip(fields[::2], fields[1::2], strict=False))
    return text_of(fields.get(b"n", b""))


def text_of(value: bytes | str) -> str:
    """Return a text that Redis answered."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


AT_ONCE, LARGEST_STEP = 500, 1 << 20
"""Lines, and characters of them, that are appended in one step; one may be larger."""


def steps(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """Yield lines in as many parts as it takes steps to append them."""
    start = size = 0
    for n, (_, line, _) in enumerate(lines):
        size += len(line)
        if n > start and (size > LARGEST_STEP or n - start >= AT_ONCE):
            yield lines[start:n]
            start, size = n, len(line)
    if lines:
        yield lines[start:]
