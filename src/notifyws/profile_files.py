"""Finds a profile's text: a file, one of the user's folder, or a built-in one."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from notifyws.coerce import nearest
from notifyws.errors import ConfigurationError

__all__ = ["is_file", "profile_text"]


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
    own = folder / f"{profile}.toml"
    if own.is_file():
        return _file_text(own), str(own)
    built_in = resources.files("notifyws") / "profiles"
    names = sorted(f.name[:-5] for f in built_in.iterdir() if f.name.endswith(".toml"))
    if profile not in names:
        names = sorted({*names, *(path.stem for path in folder.glob("*.toml"))})
        near = nearest(profile, names)
        known = f"known: {', '.join(names)}; or name a TOML file"
        hint = f"did you mean {near}?" if near else known
        raise ConfigurationError(f"there is no profile {profile!r}", hint)
    return (built_in / f"{profile}.toml").read_text("utf-8"), profile


def _file_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        message = f"cannot read profile {path}: {reason}"
        raise ConfigurationError(message, "check the path") from None
