"""Builds a listener: one of its own, one that shares its work, or a second reading.

And has it recorded: what is written down stands in ``protocol.recorder``, and where in
``config.recording_file``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
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
        auth: who we are, and where.
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


@contextmanager
def recorded(
    listener: ActiveListener,
    path: Path,
    warn: Callable[[str], None],
    *,
    unmasked: bool = False,
) -> Iterator[None]:
    """Record a listener meanwhile.

    Args:
        listener: is not started yet.
        path: a new file.
        warn: is told that the file cannot be written any more.
        unmasked: whether secrets are kept in it.

    Raises:
        ConfigurationError: the file cannot be made, or there is no server.
    """
    from notifyws.config.recording_file import RecordingFile
    from notifyws.config.settings import FIELDS
    from notifyws.protocol.recorder import Recorder, named_secrets

    auth = listener.auth
    profile, http = auth.profile.name, auth.http
    file = RecordingFile(path, warn)
    try:
        hidden = (name for name, each in FIELDS.items() if each.metadata["secret"])
        said = (str(getattr(auth.settings, name)) for name in hidden)
        secrets = (*said, *named_secrets(auth.variables))
        recorder = Recorder(file.write, auth.clock, profile, secrets, unmasked=unmasked)
        auth.recorder = recorder
        http.steps.on_exchange = recorder.exchanged
        listener.observers.append(recorder.observe)
        yield
    finally:
        file.close()
