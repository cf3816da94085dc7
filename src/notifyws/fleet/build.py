"""Builds a listener: one of its own, one that shares its work, or a second reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from notifyws.auth.authenticator import Authenticator
from notifyws.fleet.active_listener import ActiveListener

if TYPE_CHECKING:
    from notifyws.fleet.group.build import GroupOptions


def build_listener(
    auth: Authenticator, group: str | GroupOptions | None, **how: Any
) -> ActiveListener:
    """Return a listener that has not begun.

    Args:
        group: the group that it shares its work with, or the options of one.
        how: as for :class:`ActiveListener`; in a group, ``since`` reads what the group
            was given again.

    Raises:
        UsageError: a name is none.
        ConfigurationError: a setting is wrong, or a group has no Redis to share.
    """
    if group is None:
        return ActiveListener(auth, **how)
    from notifyws.fleet.group.build import GroupOptions

    options = GroupOptions(group) if isinstance(group, str) else group
    if how.get("since") is not None:
        from notifyws.fleet.group.stream_listener import GroupReplay

        return GroupReplay(auth, options, **how)
    from notifyws.fleet.group.listener import GroupListener

    return GroupListener(auth, options, **how)
