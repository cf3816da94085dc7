"""How a group stands, as anybody may ask: who lives, who leads, what waits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from notifyws.auth.authenticator import Authenticator
from notifyws.errors import CacheFailed, UsageError
from notifyws.fleet.group.build import GroupOptions, build_client, build_store
from notifyws.fleet.listener_entry import LONGEST

if TYPE_CHECKING:
    from notifyws.auth.cache.redis import RedisClient

MOST = 100
"""Groups of one account that are looked at, unless one is asked for."""
LEASE = re.compile("[0-9]+ (.+)", re.DOTALL)
"""What holds a lease: its fencing number, and who."""


class GroupMemberStanding(Struct, frozen=True):
    """One member: where it runs, whether it leads, and how much it holds unfinished."""

    host: str
    pid: int
    role: str
    pending: int


class GroupStanding(Struct, frozen=True):
    """How a group stands.

    Args:
        leader: ``HOST:PID`` of who leads; ``None`` for nobody.
        lag: notifications that no member has taken yet.
        pending: those that one has taken and is not done with.
        oldest_pending: seconds since the oldest of either arrived; ``None`` for none.
        kept: notifications that can be read again.
        last_gap: ``from``, ``to`` and ``reason`` of the latest.
        alive: how many members live; of very many not all are in ``members``.
    """

    name: str
    leader: str | None = None
    members: tuple[GroupMemberStanding, ...] = ()
    lag: int = 0
    pending: int = 0
    oldest_pending: float | None = None
    kept: int = 0
    gaps: int = 0
    last_gap: Mapping[str, str] | None = None
    alive: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``status --json`` lists."""
        oldest = self.oldest_pending
        return {
            "name": self.name,
            "leader": self.leader,
            "members": [asdict(member) for member in self.members],
            "lag": self.lag,
            "pending": self.pending,
            "oldestPending": None if oldest is None else round(oldest, 3),
            "kept": self.kept,
            "gaps": self.gaps,
            "lastGap": None if self.last_gap is None else dict(self.last_gap),
        }


async def find_group(auth: Authenticator, name: str) -> GroupStanding:
    """Return how a group stands.

    Raises:
        CacheFailed: Redis does not answer.
        ConfigurationError: there is none that hosts share.
        UsageError: the name is none.
    """
    async with aclosing(build_client(auth)) as client:
        return await _found(auth, name, client)


async def find_groups(
    auth: Authenticator, names: Iterable[str]
) -> tuple[GroupStanding, ...]:
    """Return how groups stand that listeners say they are of.

    What can be no group's name is left out, and so are groups that Redis refuses to
    tell of, and all beyond :data:`MOST`: anybody who can write there can name them.

    Raises:
        CacheFailed: Redis does not answer.
        ConfigurationError: there is none that hosts share.
    """
    found: list[GroupStanding] = []
    async with aclosing(build_client(auth)) as client:
        for name in sorted(set(names))[:MOST]:
            try:
                found.append(await _found(auth, name, client))
            except UsageError:
                continue
            except CacheFailed as error:
                if not error.code:
                    raise
    return tuple(found)


async def _found(auth: Authenticator, name: str, client: RedisClient) -> GroupStanding:
    store = build_store(auth, GroupOptions(name), client)
    return standing_of(name, await store.describe())


def standing_of(name: str, facts: Mapping[str, Any]) -> GroupStanding:
    """Return how a group stands, from what the script ``DESCRIBE`` tells.

    Whoever may write to that Redis wrote it: what makes no sense reads as nothing.
    """
    proofs = [LEASE.fullmatch(each) for each in _texts(facts.get("leaders"))]
    leaders = [found[1] for found in proofs if found]
    told = facts.get("pending")
    pending = told if isinstance(told, dict) else {}
    oldest, at = _number(facts.get("oldest")), _number(facts.get("at"))
    return GroupStanding(
        name,
        _place(leaders[0])[0] if leaders else None,
        tuple(
            _member(each, each in leaders, _number(pending.get(each)))
            for each in sorted(_texts(facts.get("members")))
        ),
        _number(facts.get("lag")),
        _number(facts.get("held")),
        max((at - oldest) / 1000, 0.0) if oldest else None,
        _number(facts.get("length")),
        _number(facts.get("gaps")),
        _gap(facts.get("gap")),
        _number(facts.get("alive")),
    )


def _texts(value: Any) -> list[str]:
    """Return a list of Lua's, which says ``{}`` for an empty one."""
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, str)]


def _number(value: Any) -> int:
    """Return a whole number, or the text of one; 0 for anything else."""
    if isinstance(value, str):
        return int(value) if re.fullmatch("[0-9]{1,13}", value) else 0
    is_one = isinstance(value, int | float) and 0 <= value < 1e15
    return int(value) if is_one else 0


def _gap(text: Any) -> Mapping[str, str] | None:
    try:
        gap = json.loads(text or "null")
    except (ValueError, TypeError, RecursionError):
        return None
    told = gap if isinstance(gap, dict) else {}
    words = {name: told.get(name) for name in ("from", "to", "reason")}
    if not all(isinstance(each, str) for each in words.values()):
        return None
    return {name: str(each)[:LONGEST] for name, each in words.items()}


def _member(name: str, leads: bool, pending: int) -> GroupMemberStanding:
    where, pid = _place(name)
    host = where.rpartition(":")[0]
    return GroupMemberStanding(host, pid, "leader" if leads else "member", pending)


def _place(name: str) -> tuple[str, int]:
    """Return ``HOST:PID`` of a member's name, and its process; a strange one whole."""
    where = name.rpartition(":")[0] or name
    return where[:LONGEST], _number(where.rpartition(":")[2])
