"""Writes server entries into ``config.toml``, for its owner only."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from notifyws.config.config_file import with_entry
from notifyws.config.remembered_login import write_private
from notifyws.config.text_files import read_text_file
from notifyws.config.validation import as_table
from notifyws.errors import ConfigurationError

__all__ = ["find_entry", "save_entry"]

MARK = "\ufeff"
"""The byte order mark that some editors put first; it stays."""


def find_entry(path: Path, name: str) -> Mapping[str, object] | None:
    """Return the entry of a name; ``None`` when there is none.

    Raises:
        ConfigurationError: it is no table.
    """
    config = tomllib.loads(_text(path).removeprefix(MARK))
    servers = as_table(config.get("servers", {}), f"servers in {path}")
    if name not in servers:
        return None
    return as_table(servers[name], f"servers.{name} in {path.name}")


def save_entry(path: Path, name: str, values: Mapping[str, str]) -> bool:
    """Write an entry; tell whether it is the one that is used by default.

    A link is followed, so that a file kept elsewhere stays there.

    Raises:
        ConfigurationError: the file cannot be edited or written.
    """
    text = _text(path)
    mark = MARK if text.startswith(MARK) else ""
    edited = with_entry(text.removeprefix(MARK), name, values)
    try:
        write_private(path.resolve(), mark + edited)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise ConfigurationError(message, "check its permissions") from None
    return bool(tomllib.loads(edited)["default_server"] == name)


def _text(path: Path) -> str:
    """Return the text with its line ends as they are; empty where there is no file."""
    return read_text_file(path, required=False, encoding="utf-8")
