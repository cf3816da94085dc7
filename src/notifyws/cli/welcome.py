"""What ``notifyws`` alone says: the next thing to do, by what it finds.

It asks nobody: no network, no Redis. What it finds is the configuration, and the token
cache where that is a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from urllib.parse import urlsplit

from notifyws.auth.authenticator import Authenticator
from notifyws.config.settings import Settings
from notifyws.config.sources import load
from notifyws.protocol.loader import is_file
from notifyws.ui.sanitize import harmless
from notifyws.ui.streams import theme_on

Step = tuple[str, Sequence[str]]

HELP: Step = ("All commands:", ["notifyws --help"])
LOOK: Step = ("If nothing comes:", ["notifyws status --check"])
LISTEN: Step = ("Listen, and send:", ["notifyws listen", "notifyws send -m hello"])
LOG_IN: Step = ("Not logged in yet:", ["notifyws auth login"])
PERHAPS: Step = ("Log in, if you have not yet:", ["notifyws auth login"])
YOURS: Step = ("With your server:", ["notifyws auth login --save"])


def next_steps() -> str:
    """Return what to do next, in at most a dozen lines.

    Raises:
        ConfigurationError: a file or a value is wrong.
    """
    settings = load().settings
    theme = theme_on(1)
    first, steps = _next(settings)
    blocks = [first]
    for words, commands in (*steps, HELP):
        lines = (f"  {theme.paint(each, 'bold')}" for each in commands)
        blocks.append("\n".join([words, *lines]))
    return "\n".join(blocks) + "\n"


def _next(settings: Settings) -> tuple[str, Sequence[Step]]:
    if not settings.connect_url:
        return "Notifications, live in your terminal.", (_demo(), YOURS)
    auth = Authenticator(settings, lambda text: None)
    host = harmless(urlsplit(auth.url).netloc)
    ready = bool(settings.token or settings.password) or _has_token(auth)
    step = LISTEN if ready else PERHAPS if ready is None else LOG_IN
    return f"Your server is {host}", (step, LOOK)


def _demo() -> Step:
    """Return how to try it without a server, and what that needs."""
    commands = ["notifyws listen --demo"]
    if not (find_spec("aiohttp") and find_spec("jwt")):
        commands.insert(0, "pip install 'notifyws[server]'")
    return "Try it, with a server of its own:", commands


def _has_token(auth: Authenticator) -> bool | None:
    """Tell whether a token lies in the file; ``None`` where only asking would tell."""
    from notifyws.auth.cache.build import sqlite_path

    url = auth.cache_url
    if not url.startswith("sqlite:") or is_file(auth.settings.profile):
        return None  # whose token it is, only the whole profile says: 70 ms
    try:
        sqlite_path(url).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None  # what lies in a folder that is closed to us, nobody knows
    return auth.warm_token() is not None
