"""What a member is told of its group: the options of ``listen``, read and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from notifyws.cli.options import want_at_least, want_positive
from notifyws.errors import UsageError

if TYPE_CHECKING:
    from notifyws.fleet.group.build import GroupOptions


def group_options(
    group: str | None, key: str | None, claim_after: float | None, sockets: int | None
) -> GroupOptions | None:
    """Return what a member is told of its group, if there is one.

    Raises:
        UsageError: something makes no sense.
    """
    said = {"--key": key, "--claim-after": claim_after, "--sockets": sockets}
    if group is None:
        for option, value in said.items():
            if value is not None:
                raise UsageError(f"{option} goes with --group", "add --group NAME")
        return None
    from notifyws.fleet.group.build import GroupOptions

    want_positive("--claim-after", claim_after, 60)
    want_at_least(1, "--sockets", sockets, "leave it out for one")
    if key == "":
        raise UsageError("--key names nothing", "as in --key data.tripId")
    return GroupOptions(group, key or "", claim_after or 60.0, sockets or 1)
