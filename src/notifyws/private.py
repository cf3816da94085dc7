"""Folders that are their owner's alone, whatever the umask."""

from __future__ import annotations

from pathlib import Path

__all__ = ["private_folder"]


def private_folder(path: Path) -> None:
    """Make a folder and those above it, 0700 each where it was not there.

    ``Path.mkdir`` leaves those above to the umask.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        return
    private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
