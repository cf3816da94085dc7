"""What ``listen --record`` was asked for, and the recording meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from notifyws.errors import UsageError

if TYPE_CHECKING:
    from notifyws.service import NotificationService


class RecordOptions(Struct, frozen=True):
    """Where to record.

    Args:
        path: a new file.
        secrets: whether they are kept.
    """

    path: Path
    secrets: bool


def recording_wanted(path: Path | None, *, secrets: bool) -> RecordOptions | None:
    """Return what was asked for.

    Raises:
        UsageError: ``--record-secrets`` stands alone.
    """
    if path is None and secrets:
        raise UsageError("--record-secrets goes with --record", "add --record FILE")
    return None if path is None else RecordOptions(path, secrets)


def recording_of(
    service: NotificationService,
    options: RecordOptions | None,
    warn: Callable[[str], None],
) -> AbstractContextManager[None]:
    """Return what records a service's listener meanwhile, if that is asked for.

    Raises:
        ConfigurationError: the file cannot be made.
    """
    if options is None:
        return nullcontext()
    from notifyws.fleet.recorded import recorded

    if options.secrets:
        warn(f"{options.path} will hold tokens and passwords: keep it to yourself")
    return recorded(service.listener, options.path, warn, unmasked=options.secrets)
