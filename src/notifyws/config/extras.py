"""Which of our extras are installed, and how another one is had."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from notifyws.errors import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import Distribution

NAME = "notifyws"
INSTALLERS = {
    ("pipx", "venvs"): "pipx install --force",
    ("uv", "tools"): "uv tool install --force",
}
"""Two folders of a program's place, one below the other, and who put it there."""
EXTRA = r"""^([\w.-]+).*;.*\bextra == ['"]([\w-]+)['"]"""


def needs_extra(what: str, extra: str) -> ConfigurationError:
    """Return the error for what needs an extra that is not installed.

    Args:
        what: the option or variable that needs it.
    """
    message = f"{what} needs the extra {extra}, which is not installed"
    return ConfigurationError(message, install_command(extra))


def install_command(extra: str) -> str:
    """Return the command that installs an extra, beside those that there are.

    It is for who installed us, and from where: there need be no index that has us.
    """
    from importlib.metadata import PackageNotFoundError, distribution  # 50 ms

    try:
        ours = distribution(NAME)
    except PackageNotFoundError:
        return f"pip install '{NAME}[{extra}]'"
    return command_for(extra, ours, sys.prefix)


def command_for(extra: str, ours: Distribution, prefix: str) -> str:
    """Return the command that installs an extra, beside those that there are."""
    from pathlib import PurePath

    pairs = zip(parts := PurePath(prefix).parts, parts[1:], strict=False)
    installer = next((INSTALLERS[p] for p in pairs if p in INSTALLERS), "pip install")
    extras = ",".join(sorted({*installed(ours), extra}))
    return f"{installer} {shlex.quote(_requirement(ours, extras))}"


def installed(ours: Distribution) -> Iterator[str]:
    """Yield the extras all of whose packages are there."""
    needed: dict[str, list[str]] = {}
    for requirement in ours.requires or ():
        if found := re.match(EXTRA, requirement):
            needed.setdefault(found[2], []).append(found[1])
    for extra, packages in needed.items():
        if all(map(_is_there, packages)):
            yield extra


def _is_there(package: str) -> bool:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def _requirement(ours: Distribution, extras: str) -> str:
    """Return it with extras, from a folder, a URL or an index: as it was installed."""
    import json
    from urllib.parse import unquote, urlsplit

    try:
        url = str(json.loads(ours.read_text("direct_url.json") or "{}")["url"])
    except (ValueError, KeyError, TypeError):
        return f"{NAME}[{extras}]"
    parts = urlsplit(url)
    if parts.scheme == "file":
        return f"{unquote(parts.path)}[{extras}]"
    return f"{NAME}[{extras}] @ {url}"
