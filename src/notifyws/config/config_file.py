"""``config.toml`` as a file: where it is, what it says, and a server entry put into it.

Comments, order, spacing and line ends stay as their owner wrote them: tomlkit edits the
text. How somebody wrote it cannot be foreseen, so the result is read again and must
say exactly what was meant; otherwise nothing is changed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from notifyws.config.files import MARK, private_folder, read_text_file, write_private
from notifyws.config.settings import LOGIN
from notifyws.config.toml_text import InvalidToml, read_toml
from notifyws.config.validation import as_table
from notifyws.errors import ConfigurationError


def parsed_toml(text: str, path: Path) -> dict[str, Any]:
    """Return what a file of TOML says.

    Raises:
        ConfigurationError: it is not valid; says where.
    """
    try:
        return read_toml(text.removeprefix(MARK))
    except InvalidToml as error:
        message = f"{path} is not valid TOML: {error}"
        raise ConfigurationError(message, "correct that line") from None


def find_entry(path: Path, name: str) -> Mapping[str, Any] | None:
    """Return the entry of a name; ``None`` when there is none.

    Raises:
        ConfigurationError: the file cannot be read, or it is no table.
    """
    config = parsed_toml(_text(path), path)
    servers = as_table(config.get("servers", {}), f"servers in {path}")
    if name not in servers:
        return None
    return as_table(servers[name], f"servers.{name} in {path.name}")


def save_entry(path: Path, name: str, values: Mapping[str, str]) -> bool:
    """Write an entry; tell whether it is the one that is used by default.

    A link is followed, so that a file kept elsewhere stays there; whoever could read
    it before, afterwards only its owner can.

    Args:
        path: the file; made where it is not.
        name: the entry's; one of that name gets the new values.
        values: by key of :data:`LOGIN`; those left out are taken out, other keys stay.

    Raises:
        ConfigurationError: the file cannot be edited or written.
    """
    with _one_at_a_time(path.resolve().parent):
        return _save_entry(path, name, values)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let others who save an entry wait, where a folder can be locked."""
    with ExitStack() as held:
        with suppress(OSError):
            private_folder(folder)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            held.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _save_entry(path: Path, name: str, values: Mapping[str, str]) -> bool:
    text = _text(path)
    config = parsed_toml(text, path)
    servers = as_table(config.get("servers", {}), f"servers in {path}")
    kept = {k: v for k, v in servers.get(name, {}).items() if k not in LOGIN}
    meant = {**config, "servers": {**servers, name: {**kept, **values}}}
    default = meant.setdefault("default_server", name)
    edited = _edited(text.removeprefix(MARK), config, name, values)
    if _meaning(edited, path) != meant:
        hint = "add it yourself: " + " ".join(_entry(name, values, "\n").split("\n"))
        message = f"{path} cannot be edited as it is written"
        raise ConfigurationError(message, hint.strip())
    try:
        mark = MARK if text.startswith(MARK) else ""
        write_private(path.resolve(), mark + edited)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise ConfigurationError(message, "check its permissions") from None
    return bool(default == name)


def _edited(
    text: str, config: Mapping[str, Any], name: str, values: Mapping[str, str]
) -> str:
    """Return the text with the entry, and a default server if there was none."""
    import tomlkit

    end = "\r\n" if "\r\n" in text else "\n"
    if name in config.get("servers", {}):
        try:
            document = tomlkit.parse(text)
            _replace(document["servers"][name], values, end)
        except tomlkit.exceptions.TOMLKitError:
            return text  # which does not say what was meant
        text = document.as_string()
    else:
        above = text.rstrip("\r\n")
        text = f"{above}{end * 2 if above else ''}{_entry(name, values, end)}"
    if "default_server" in config:
        return text
    # First, or after a comment that stands for itself: not between one and its table.
    top, blank, rest = text.partition(end * 2)
    alone = all(line.startswith("#") for line in top.split(end))
    default = f"{tomlkit.dumps({'default_server': name}).rstrip()}{end}{end}"
    return f"{top}{blank}{default}{rest}" if alone and blank else default + text


def _replace(entry: Any, values: Mapping[str, str], end: str) -> None:
    """Put values into a table of tomlkit's, new ones below those that are there."""
    body = entry.value.body
    below = []  # a blank line, and the comment of the next table
    while body and body[-1][0] is None:
        below.append(body.pop()[1])
    for key, value in values.items():
        new = key not in entry
        entry[key] = value
        if new:
            entry[key].trivia.trail = end
    for item in reversed(below):
        entry.add(item)
    for key in set(LOGIN) & entry.keys() - values.keys():
        entry.remove(key)


def _entry(name: str, values: Mapping[str, str], end: str) -> str:
    import tomlkit

    return tomlkit.dumps({"servers": {name: values}}).replace("\n", end)


def _meaning(text: str, path: Path) -> Any:
    try:
        return parsed_toml(text, path)
    except ConfigurationError:
        return None


def _text(path: Path) -> str:
    """Return the text with its line ends as they are; empty where there is no file."""
    return read_text_file(path, required=False, encoding="utf-8")
