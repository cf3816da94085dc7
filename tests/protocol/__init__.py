"""How servers speak; the built-in profile is read once for all of these tests."""

from importlib.resources import files

from notifyws.protocol.profile import Profile
from notifyws.protocol.profile_schema import validated
from notifyws.protocol.profile_text import parse

DEFAULT_TEXT = (files("notifyws") / "protocol" / "profiles" / "default.toml").read_text(
    "utf-8"
)
DEFAULT = parse(DEFAULT_TEXT, "default")


def profiled(**tables):
    """Return a profile of these tables, for which all is a notification."""
    rules = [{"then": "notification"}]
    return validated(Profile, {"name": "p", "rules": rules, **tables})
