"""How a group stands, as anybody may ask: who lives, who leads, what waits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import Any

from msgspec import Struct

from notifyws.auth.authenticator import Authenticator
from notifyws.fleet.group.build import GroupOptions, build_client, build_store


class GroupMemberStanding(Struct, frozen=True):
    """One member: where it runs, whether it leads, and how much it holds unfinished."""

    host: str
    pid: int
    role: str
    pending: int


class GroupStanding(Struct, frozen=True):
    """How a group stands.

    Args:
        name: its name.
        leader: ``HOST:PID`` of who leads; ``None`` for nobody.
        members: all that live.
        lag: notifications that no member has taken yet.
        pending: those that one has taken and is not done with.
        oldest_pending: seconds since the oldest of either arrived; ``None`` for none.
        kept: notifications that can be read again.
        gaps: how many were told.
        last_gap: ``from``, ``to`` and ``reason`` of the latest.
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

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``status --json`` lists."""
        oldest = self.oldest_pending
        return {
            "name": self.name,
            "leader": self.leader,
            "members": [
                {"host": m.host, "pid": m.pid, "role": m.role, "pending": m.pending}
                for m in self.members
            ],
            "lag": self.lag,
            "pending": self.pending,
            "oldestPending": None if oldest is None else round(oldest, 3),
            "kept": self.kept,
            "gaps": self.gaps,
            "lastGap": None if self.last_gap is None else dict(self.last_gap),
        }


async def find_groups(
    auth: Authenticator, names: Iterable[str]
) -> tuple[GroupStanding, ...]:
    """Return how these groups stand.

    Raises:
        CacheFailed: Redis does not answer.
        ConfigurationError: there is none that hosts share.
        UsageError: a name is none.
    """
    async with aclosing(build_client(auth)) as client:
        found = []
        for name in names:
            store = build_store(auth, GroupOptions(name), client)
            found.append(standing_of(name, await store.describe()))
        return tuple(found)


def standing_of(name: str, facts: Mapping[str, Any]) -> GroupStanding:
    """Return how a group stands, from what the script ``DESCRIBE`` tells."""
    leaders = [holder.partition(" ")[2] for holder in _items(facts["leaders"])]
    pending, meta = dict(facts["pending"] or {}), dict(facts["meta"] or {})
    oldest = facts.get("oldest")
    return GroupStanding(
        name,
        _place(leaders[0])[0] if leaders else None,
        tuple(
            _member(each, each in leaders, pending.get(each, 0))
            for each in sorted(_items(facts["members"]))
        ),
        int(facts["lag"]),
        int(sum(pending.values())),
        max((facts["at"] - oldest) / 1000, 0.0) if oldest else None,
        int(facts["length"]),
        int(meta.get("gaps", 0)),
        _gap(meta.get("gap")),
    )


def _items(value: Any) -> list[str]:
    """Return a list of Lua's, which says ``{}`` for an empty one."""
    return list(value) if isinstance(value, list) else []


def _gap(text: str | None) -> Mapping[str, str] | None:
    try:
        gap = json.loads(text or "null")
    except ValueError:
        return None
    return gap if isinstance(gap, dict) else None


def _member(name: str, leads: bool, pending: int) -> GroupMemberStanding:
    where, pid = _place(name)
    host = where.rpartition(":")[0]
    return GroupMemberStanding(host, pid, "leader" if leads else "member", int(pending))


def _place(name: str) -> tuple[str, int]:
    """Return ``HOST:PID`` of a member's name, and its process."""
    where = name.rpartition(":")[0]
    pid = where.rpartition(":")[2]
    return where, int(pid) if pid.isdigit() else 0
