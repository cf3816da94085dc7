"""Finds a profile: a file, one of the user's folder, or a built-in one.

The one module of this room that reads files; it decides nothing about what they hold.
What comes with the product was validated by its tests; anybody else's is validated
when it is read, for which 100 ms of imports are needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from notifyws.config.files import demand_not_anothers, read_text_file, user_folder
from notifyws.config.validation import nearest
from notifyws.errors import ConfigurationError

if TYPE_CHECKING:
    from notifyws.protocol.profile import Profile

OURS = Path(__file__).with_name("profiles")
"""A folder and not ``importlib.resources``, which takes 2 ms to import."""


def is_file(profile: str) -> bool:
    """Tell whether a profile is named by its file."""
    return profile.endswith(".toml") or "/" in profile


def profile_text(profile: str) -> tuple[str, str]:
    """Return a profile's TOML and the name of where it is.

    Raises:
        ConfigurationError: there is no such profile, or it cannot be read.
    """
    if is_file(profile):
        return read_text_file(Path(profile), "profile"), profile
    file = own_file(profile)
    if file.is_file():
        demand_not_anothers(file, f"name it: --profile {file}")
        return read_text_file(file, "profile"), str(file)
    names = built_in()
    if profile not in names:
        names = sorted({*names, *own()})
        near = nearest(profile, names)
        known = f"known: {', '.join(names)}; or name a TOML file"
        hint = f"did you mean {near}?" if near else known
        raise ConfigurationError(f"there is no profile {profile!r}", hint)
    return (OURS / f"{profile}.toml").read_text("utf-8"), profile


def read_profile(profile: str) -> Profile:
    """Return a profile by its name or file.

    Raises:
        ConfigurationError: there is none, it cannot be read, or it is wrong.
    """
    from notifyws.protocol.oauth import completed

    text, where = profile_text(profile)
    if where == profile and not is_file(profile):
        import tomllib

        from msgspec import convert

        from notifyws.protocol.profile import Profile

        return completed(convert(tomllib.loads(text), Profile))
    from notifyws.protocol.profile_text import parse

    return completed(parse(text, where))


def built_in() -> list[str]:
    """Return the names of the profiles that come with the product."""
    return sorted(path.stem for path in OURS.glob("*.toml"))


def own() -> list[str]:
    """Return the names of the profiles in the user's folder."""
    return sorted(path.stem for path in _own_folder().glob("*.toml"))


def own_file(profile: str) -> Path:
    """Return where the user's profile of this name is, or would be.

    Raises:
        ConfigurationError: a name is no path.
    """
    if is_file(profile):
        hint = "name the file with --output"
        raise ConfigurationError(f"{profile!r} is no name", hint)
    return _own_folder() / f"{profile}.toml"


def _own_folder() -> Path:
    return user_folder("config") / "profiles"
