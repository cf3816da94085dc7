"""Has a listener recorded: every frame with its time, and all that happens to it.

What is written down stands in ``protocol.recorder``, and where in
``config.recording_file``; this puts them together, before the listener is started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from notifyws.config.recording_file import RecordingFile
from notifyws.fleet.active_listener import ActiveListener
from notifyws.protocol.recorder import Recorder


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
        warn: is told that the file cannot be written any more.

    Raises:
        ConfigurationError: the file cannot be made, or there is no server.
    """
    auth = listener.auth
    profile, http = auth.profile.name, auth.http
    file = RecordingFile(path, warn)
    try:
        how = auth.clock, profile, auth.given_secrets
        recorder = Recorder(file.write, *how, unmasked=unmasked)
        auth.recorder = recorder
        http.steps.on_exchange = recorder.exchanged
        listener.observers.append(recorder.observe)
        yield
    finally:
        file.close()
