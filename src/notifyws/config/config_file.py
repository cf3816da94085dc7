"""Puts a server entry into the text of ``config.toml`` and leaves the rest alone; pure.

Comments, order, spacing and line ends stay as their owner wrote them, which is why the
text itself is edited. How somebody wrote it cannot be foreseen, so the result is read
again and must say exactly what was meant: otherwise nothing is changed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from notifyws.errors import ConfigurationError

__all__ = ["EDITED", "with_entry", "written_entry"]

EDITED = ("url", "socket_url", "username", "profile", "token_in")
"""Keys of an entry that are replaced as a whole; others stay."""


def with_entry(text: str, name: str, values: Mapping[str, str]) -> str:
    """Return the text with ``[servers.NAME]``, and a default server if there was none.

    Args:
        text: a valid configuration, or nothing.
        name: the entry's; one of that name gets the new values.
        values: by key of :data:`EDITED`; those left out are taken out.

    Raises:
        ConfigurationError: it is written in a way that this cannot edit.
    """
    config = tomllib.loads(text)
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").split("\n")
    if name in config.get("servers", {}):
        edited = _replaced(lines, name, values)
    else:
        edited = [*_without_blank_end(lines), *written_entry(name, values), ""]
    if "default_server" not in config:
        edited = _with_default(edited, name)
    result = end.join(edited)
    if _meaning(result) != _meant(config, name, values):
        hint = "add it yourself: " + " ".join(written_entry(name, values))
        raise ConfigurationError("config.toml cannot be edited as it is written", hint)
    return result


def written_entry(name: str, values: Mapping[str, str]) -> list[str]:
    """Return the lines of an entry."""
    return [f"[servers.{_key(name)}]", *(_line(k, v) for k, v in values.items())]


def _meant(config: Mapping[str, Any], name: str, values: Mapping[str, str]) -> Any:
    servers = config.get("servers", {})
    kept = {k: v for k, v in servers.get(name, {}).items() if k not in EDITED}
    meant = {**config, "servers": {**servers, name: {**kept, **values}}}
    meant.setdefault("default_server", name)
    return meant


def _meaning(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _without_blank_end(lines: Sequence[str]) -> list[str]:
    """Return the lines with one blank one at the end; none where nothing stands."""
    kept = "\n".join(lines).rstrip("\n")
    return [*kept.split("\n"), ""] if kept else []


def _with_default(lines: Sequence[str], name: str) -> list[str]:
    """Put it first, or after a comment that stands for itself at the beginning."""
    first = next(i for i, line in enumerate([*lines, ""]) if not line.startswith("#"))
    place = first + 1 if first and lines[first] == "" else 0
    return [*lines[:place], f"default_server = {_text(name)}", "", *lines[place:]]


def _replaced(lines: Sequence[str], name: str, values: Mapping[str, str]) -> list[str]:
    headers = [i for i, line in enumerate(lines) if line.lstrip().startswith("[")]
    ours = [i for i in headers if _meaning(lines[i]) == {"servers": {name: {}}}]
    if not ours:
        return list(lines)  # an inline table, say: not what was meant
    start = ours[0]
    end = next((i for i in headers if i > start), len(lines))
    body, missing = [], dict(values)
    for line in lines[start + 1 : end]:
        key = next(iter(_meaning(line) or {""}))
        if key in missing:
            body.append(_line(key, missing.pop(key)) + _comment(line))
        elif key not in EDITED:
            body.append(line)
    added = [_line(key, value) for key, value in missing.items()]
    return [*lines[: start + 1], *added, *body, *lines[end:]]


def _comment(line: str) -> str:
    """Return the comment at a line's end, with the space before it."""
    said = _meaning(line)
    for found in re.finditer(r"\s*#", line):
        if _meaning(line[: found.start()]) == said:
            return line[found.start() :]
    return ""


def _line(key: str, value: str) -> str:
    return f"{key} = {_text(value)}"


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _text(name)


def _text(value: str) -> str:
    """Return a basic string of TOML: JSON's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
