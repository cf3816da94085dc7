"""Finds a profile's text: a file, one of the user's folder, or a built-in one."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from notifyws.coerce import nearest
from notifyws.errors import ConfigurationError

__all__ = ["built_in", "is_file", "own", "profile_text"]


def is_file(profile: str) -> bool:
    """Tell whether a profile is named by its file."""
    return profile.endswith(".toml") or "/" in profile


def profile_text(profile: str) -> tuple[str, str]:
    """Return a profile's TOML and the name of where it is.

    Raises:
        ConfigurationError: there is no such profile, or it cannot be read.
    """
    if is_file(profile):
        return _file_text(Path(profile)), profile
    import platformdirs

    folder = platformdirs.user_config_path("notifyws") / "profiles"
    file = folder / f"{profile}.toml"
    if file.is_file():
        return _file_text(file), str(file)
    names = built_in()
    if profile not in names:
        names = sorted({*names, *own()})
        near = nearest(profile, names)
        known = f"known: {', '.join(names)}; or name a TOML file"
        hint = f"did you mean {near}?" if near else known
        raise ConfigurationError(f"there is no profile {profile!r}", hint)
    folder_of_ours = resources.files("notifyws") / "profiles"
    return (folder_of_ours / f"{profile}.toml").read_text("utf-8"), profile


def built_in() -> list[str]:
    """Return the names of the profiles that come with the product."""
    ours = resources.files("notifyws") / "profiles"
    return sorted(f.name[:-5] for f in ours.iterdir() if f.name.endswith(".toml"))


def own() -> list[str]:
    """Return the names of the profiles in the user's folder."""
    import platformdirs

    folder = platformdirs.user_config_path("notifyws") / "profiles"
    return sorted(path.stem for path in folder.glob("*.toml"))


def _file_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        message = f"cannot read profile {path}: {reason}"
        raise ConfigurationError(message, "check the path") from None
