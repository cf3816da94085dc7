"""How a group stands, for whoever looks at one of its members from outside; pure.

What the latest answered beat told; while Redis is away it counts as led by nobody, but
for who still holds the socket.
"""

from __future__ import annotations

from notifyws.fleet.group.membership import Membership


class StandingView:
    """A group, as one member sees it.

    Args:
        name: of the group.
        membership: what this member knows.
    """

    def __init__(self, name: str, membership: Membership) -> None:
        self.name = name
        self._membership = membership

    @property
    def leading(self) -> bool:
        """Whether this member leads."""
        return self._membership.standing.slot >= 0

    @property
    def has_leader(self) -> bool:
        """Whether any member leads, as far as this one can know."""
        known = self._membership.standing.leader and not self._membership.away
        return self.leading or bool(known)

    @property
    def lag(self) -> int | None:
        """How many notifications no member was given yet; ``None`` before the first."""
        membership = self._membership
        return membership.standing.lag if membership.joined else None

    @property
    def pending(self) -> int:
        """How many were given to a member that has not acknowledged them."""
        return self._membership.standing.pending
