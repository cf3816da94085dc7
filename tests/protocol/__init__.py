"""How servers speak; the built-in profile is read once for all of these tests."""

from importlib.resources import files

from notifyws.protocol.profile_text import parse

DEFAULT_TEXT = (files("notifyws") / "protocol" / "profiles" / "default.toml").read_text(
    "utf-8"
)
DEFAULT = parse(DEFAULT_TEXT, "default")
