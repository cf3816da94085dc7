"""What is read of a release, and whether it is right: pure, no process, no network.

Licences are judged by the table of those that a program under MIT may bring along.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

EXTRAS = {
    "apprise": "notifyws.delivery.sinks.apprise, apprise",
    "desktop": "notifyws.delivery.sinks.desktop, desktop_notifier",
    "keyring": "notifyws.config.saved_login, keyring",
    "mcp": "notifyws.cli.mcp_server",
    "metrics": "notifyws.fleet.metrics_page",
    "secure": "notifyws.auth.cache.checked, cryptography.fernet",
    "server": "notifyws.devserver.server",
}
"""Extra -> the modules that need it."""
ALLOWED = {
    "MIT-0": "no condition",
    "MIT": "keep the notice",
    "ISC": "keep the notice",
    "BSD": "keep the notice; which of them, the package does not say",
    "BSD-2-Clause": "keep the notice",
    "BSD-3-Clause": "keep the notice",
    "PSF-2.0": "keep the notice",
    "Apache-2.0": "keep the notice; a grant of patents",
    "MPL-2.0": "files of its own, which stay under it",
}
"""SPDX identifier -> what it asks of those who pass it on."""
OTHER_NAMES = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What packages wrote before there were identifiers -> the identifier."""
NEEDED = ("notifyws/py.typed", "notifyws/protocol/profiles/default.toml")
SERVES = re.compile(r"(?:ws|http)s?://[^\s,]+")


def project(root: Path) -> dict[str, Any]:
    """Return the table ``[project]``."""
    text = (root / "pyproject.toml").read_text("utf-8")
    table: dict[str, Any] = tomllib.loads(text)["project"]
    return table


def version(root: Path) -> str:
    """Return the version that the source names."""
    text = (root / "src/notifyws/__init__.py").read_text("utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found, "no __version__"
    return found[1]


def dotted(numbers: Iterable[int]) -> str:
    """Return a version as it is written."""
    return ".".join(map(str, numbers))


def promised_pythons(table: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the oldest and the newest Python that the classifiers name."""
    said = " ".join(table["classifiers"])
    found = re.findall(r"Programming Language :: Python :: 3\.(\d+)", said)
    minors = sorted(map(int, found))
    return (3, minors[0]), (3, minors[-1])


def url_in(line: str) -> str:
    """Return the address in a line that the server says; empty if there is none."""
    found = SERVES.search(line)
    return found[0] if found else ""


def requirements(metadata: Message) -> dict[str, list[str]]:
    """Return what is required: under "" always, under an extra's name for that."""
    found: dict[str, list[str]] = {"": []}
    for text in metadata.get_all("Requires-Dist") or []:
        each = Requirement(text)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", str(each.marker or ""))
        each.marker = None
        found.setdefault(extra[1] if extra else "", []).append(str(each))
    return found


def raised_bounds(direct: Iterable[str], installed: dict[str, str]) -> list[str]:
    """Say which lower bounds are not what the oldest environment got."""
    wrong = []
    for text in direct:
        each = Requirement(text)
        got = Version(installed[canonicalize_name(each.name)])
        least = [s.version for s in each.specifier if s.operator in (">=", "==")]
        bound = Version(least[0]).release if least else ()
        if got.release[: len(bound)] != bound or not bound:
            wrong.append(f"{text}: the oldest that can be installed is {got}")
    return wrong


def wrong_files(names: set[str], tracked: set[str]) -> list[str]:
    """Say which files of a wheel are foreign, and which are missing.

    Args:
        names: what is in it.
        tracked: the package's files under version control.
    """
    ours = {each for each in names if ".dist-info/" not in each}
    wrong = [f"{each} is in the wheel, and nobody's" for each in sorted(ours - tracked)]
    missing = (tracked | set(NEEDED)) - ours
    return wrong + [f"{each} is not in the wheel" for each in sorted(missing)]


def wrong_metadata(metadata: Message, table: dict[str, Any]) -> list[str]:
    """Say what the metadata of a wheel lacks, beside the table ``[project]``."""
    wanted = {
        "Name": table["name"],
        "Summary": table["description"],
        "License-Expression": table["license"],
        "License-File": "LICENSE",
        "Requires-Python": table["requires-python"],
        "Description-Content-Type": "text/markdown",
    }
    wrong = [
        f"metadata: {key} is {metadata[key]!r}, not {value!r}"
        for key, value in wanted.items()
        if metadata[key] != value
    ]
    lost = set(table["classifiers"]) - set(metadata.get_all("Classifier") or ())
    wrong += [f"metadata: no classifier {each!r}" for each in sorted(lost)]
    untried = set(requirements(metadata)) - {""} ^ set(EXTRAS)
    return wrong + [f"extra {each!r}: not tried, or not there" for each in untried]


def wrong_changelog(text: str, number: str) -> list[str]:
    """Say that the changelog does not name a version, if it does not."""
    named = re.search(rf"^## {re.escape(number)}\b", text, re.MULTILINE)
    return [] if named else [f"CHANGELOG.md has no heading for {number}"]


def not_final(text: str, number: str) -> Iterator[str]:
    """Yield what is still to be done to the changelog before a tag."""
    if not re.search(rf"^## {re.escape(number)} \(\d{{4}}-\d\d-\d\d\)$", text, re.M):
        yield f"CHANGELOG.md: {number} has no day yet"
    unreleased = text.partition("\n## Unreleased\n")[2].partition("\n## ")[0]
    if unreleased.strip():
        yield "CHANGELOG.md: something is unreleased"


def licence_of(metadata: Any) -> str:
    """Return a package's licence as it states it, by identifiers where known."""
    prefix = "License :: OSI Approved :: "
    said = metadata.get_all("Classifier") or []
    named = [each.removeprefix(prefix) for each in said if each.startswith(prefix)]
    words = [OTHER_NAMES.get(each, each) for each in named]
    free = (metadata.get("License") or "").partition("\n")[0].strip()
    free = OTHER_NAMES.get(free, free)
    if expression := metadata.get("License-Expression"):
        return str(expression)
    return free if free in ALLOWED else " OR ".join(words) or free or "not stated"


def allowed(licence: str) -> bool:
    """Tell whether an expression of licences may be brought along."""
    return all(
        any(each.strip("() ") in ALLOWED for each in part.split(" OR "))
        for part in licence.split(" AND ")
    )


def licences(found: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and the licence of each distribution but ours."""
    for each in found:
        if each.name != "notifyws":
            yield each.name, licence_of(each.metadata)


def wrong_licences(found: Iterable[tuple[str, str]]) -> list[str]:
    """Say which packages may not be brought along."""
    return [
        f"{name} is under {licence!r}, which is not in the table of allowed ones"
        for name, licence in sorted(found)
        if not allowed(licence)
    ]


def licence_table(found: Iterable[tuple[str, str]]) -> str:
    """Return each licence with the packages under it."""
    under: dict[str, set[str]] = {}
    for name, licence in found:
        under.setdefault(licence, set()).add(name)
    width = max(map(len, under), default=0)
    return "\n".join(
        f"{licence:{width}}  {' '.join(sorted(under[licence], key=str.lower))}"
        for licence in sorted(under)
    )
