"""What to do next: by what was mistyped, failed or took too long, and for a newcomer.

It reads what typer's errors carry, and knows nothing of what the commands do.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from notifyws.config.settings import FIELDS, environment_name
from notifyws.config.urls import shown_url
from notifyws.config.validation import nearest
from notifyws.errors import TimeRanOut

if TYPE_CHECKING:
    from notifyws.auth.authenticator import Authenticator
    from notifyws.config.settings import Settings
    from notifyws.delivery.filters import Selection

PLACES = ("--server", "--profile", "--url", "--env-file")
PLACES_OF = {
    "notifyws profile check ": ("--url", "--env-file"),
    "notifyws profile ": (),
    "notifyws auth login --save --name ": ("--profile", "--url", "--env-file"),
}
"""Those that a command takes, by how it begins, where they are not all."""
FURTHER = ("notifyws status --check", "notifyws listen -v")
REPORT = "report what it prints with -v"
COMMAND = r"notifyws( [\w./:-]+)+"

UNKNOWN = r"(?s)No such command '(.*?)'"
EXTRA = r"unexpected extra argument\S* \(([\w-]+)\)"

Step = tuple[str, Sequence[str]]

HELP: Step = ("All commands:", ["notifyws --help"])
LOOK: Step = ("If nothing comes:", ["notifyws status --check"])
LISTEN: Step = ("Listen, and send:", ["notifyws listen", "notifyws send -m hello"])
LOG_IN: Step = ("Not logged in yet:", ["notifyws auth login"])
PERHAPS: Step = ("Log in, if you have not yet:", ["notifyws auth login"])
YOURS: Step = ("With your server:", ["notifyws auth login --save"])


def sentence(error: Exception) -> str:
    """Return a usage error in the words of the house: no capital, no full stop."""
    text = str(getattr(error, "message", "")).strip()
    if getattr(error, "param", None) is not None:
        text = str(getattr(error, "format_message", lambda: text)()).strip()
    return text[:1].lower() + text[1:].rstrip(".") if text else "wrong usage"


def usage_hint(error: Exception, arguments: Sequence[str], root: Any) -> str:
    """Return what was probably meant, else where to read what there is.

    Args:
        error: typer's, which may not say of what command it is.
        arguments: what was typed.
        root: the command of all commands.
    """
    context = getattr(error, "ctx", None)
    if context is None:
        return f"{_typed_path(root, arguments)} --help"
    option = getattr(error, "option_name", None)
    if option and (owner := _owner(option, context, arguments)):
        return f"it stands after the command, as in: {owner} {option}"
    if option and (name := option.lstrip("-").replace("-", "_")) in FIELDS:
        return f"set {environment_name(name)}"
    options = getattr(error, "possibilities", None)
    if options:
        return f"did you mean {options[0]}?"
    extra = re.search(EXTRA, str(getattr(error, "message", "")))
    if extra and "--server" in _options(context.command):
        return f"to name a server: {context.command_path} --server {extra[1]}"
    unknown = re.match(UNKNOWN, str(getattr(error, "message", "")))
    meant = _command_like(unknown[1], context) if unknown else None
    return f"did you mean {meant}?" if meant else f"{context.command_path} --help"


def fitting(hint: str, arguments: Sequence[str]) -> str:
    """Return a command that is hinted at, for the server that was spoken of.

    Words that are more than one command, or ask for help, stay as they are. A URL that
    holds what nobody should see is left out. What was typed already is no hint: the
    next one that tells more is.
    """
    if not re.fullmatch(COMMAND, hint) or "--help" in hint:
        return hint
    if any(place in hint for place in PLACES):
        return hint
    further = (each for each in (hint, *FURTHER) if not _typed(each, arguments))
    hint = next(further, REPORT)
    return " ".join([hint, *_places(hint, arguments)])


def at_server(hint: str, name: str) -> str:
    """Return a command that is hinted at, for one of several servers."""
    fits = re.fullmatch(COMMAND, hint)
    return f"{hint} {shlex.join(('--server', name))}" if fits else hint


def _typed(command: str, arguments: Sequence[str]) -> bool:
    return {*command.split()[1:]} <= {*arguments}


def _places(hint: str, arguments: Sequence[str]) -> Iterator[str]:
    few = (PLACES_OF[start] for start in PLACES_OF if hint.startswith(start))
    taken = next(few, PLACES)
    if sum(each.partition("=")[0] == "--server" for each in arguments) > 1:
        taken = tuple(place for place in taken if place != "--server")
    for each, following in pairwise([*arguments, ""]):
        name, equals, value = each.partition("=")
        value = value if equals else following
        if name in taken and shown_url(value) == value:
            yield f"{name} {shlex.quote(value)}"


def _owner(option: str, context: Any, arguments: Sequence[str]) -> str | None:
    """Return the command that has such an option: the typed one, else the first."""
    below = _paths(context.command, context.command_path)
    owners = [path for path, command in below if option in _options(command)]
    above = len(context.command_path.split())
    typed = [each for each in owners if {*each.split()[above:]} <= {*arguments}]
    return max(typed, key=len) if typed else next(iter(owners), None)


def _typed_path(root: Any, arguments: Sequence[str]) -> str:
    """Return the command that was typed, as far as its words are known."""
    command, path = root, "notifyws"
    for word in arguments:
        if hasattr(command, "commands") and word in command.list_commands(None):
            command, path = command.get_command(None, word), f"{path} {word}"
    return path


def _options(command: Any) -> set[str]:
    return {option for param in command.params for option in param.opts}


def _command_like(word: str, context: Any) -> str | None:
    """Return the nearest command: of this group first, then anywhere below the root."""
    here = {name: name for name in context.command.list_commands(context)}
    root = context.find_root()
    paths = [path for path, _ in _paths(root.command, "notifyws")]
    everywhere = {path.split()[-1]: path for path in paths}
    for known in (here, everywhere):
        if near := nearest(word, known):
            return known[near]
    return None


def _paths(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every command below a group, with its full name."""
    for name in group.list_commands(None) if hasattr(group, "commands") else ():
        command = group.get_command(None, name)
        yield f"{path} {name}", command
        yield from _paths(command, f"{path} {name}")


def next_steps() -> str:
    """Return what ``notifyws`` alone says: what to do next, in at most a dozen lines.

    It asks nobody: no network, no Redis. What it finds is the configuration, and the
    token cache where that is a file.

    Raises:
        ConfigurationError: a file or a value is wrong.
    """
    from notifyws.config.sources import load
    from notifyws.ui.streams import theme_on

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
    from notifyws.auth.authenticator import Authenticator
    from notifyws.ui.sanitize import harmless

    auth = Authenticator(settings, lambda text: None)
    host = harmless(urlsplit(auth.url).netloc)
    ready = bool(settings.token or settings.password) or _has_token(auth)
    step = LISTEN if ready else PERHAPS if ready is None else LOG_IN
    return f"Your server is {host}", (step, LOOK)


def _demo() -> Step:
    """Return how to try it without a server, and what that needs."""
    commands = ["notifyws listen --demo"]
    if not (find_spec("aiohttp") and find_spec("jwt")):
        from notifyws.config.extras import install_command

        commands.insert(0, install_command("server"))
    return "Try it, with a server of its own:", commands


def _has_token(auth: Authenticator) -> bool | None:
    """Tell whether a token lies in the file; ``None`` where only asking would tell."""
    from notifyws.auth.cache.build import sqlite_path, warm_token
    from notifyws.protocol.loader import is_file

    url = auth.cache_url
    if not url.startswith("sqlite:") or is_file(auth.settings.profile):
        return None  # whose token it is, only the whole profile says: 70 ms
    try:
        sqlite_path(url).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None  # what lies in a folder that is closed to us, nobody knows
    return warm_token(auth) is not None


def too_late(
    selection: Selection, timeout: float | None, received: int, connected: bool
) -> TimeRanOut:
    """Return what was missed, and what to change before the next try.

    Args:
        received: notifications that came, whether they were asked for or not.
    """
    longer = "give --timeout more time"
    shown = selection.admitted
    said = f"{shown} notification{'s' * (shown != 1)} came"
    hint = f"{longer}, or see whether any are sent: notifyws send -m hello"
    if not connected:
        said, hint = "there was no connection", "notifyws status --check"
    elif received > shown:
        said = f"{shown} of {received} notifications passed the filters"
        hint = f"check --type and --filter, or {longer}"
    elif selection.satisfied:
        said, hint = "what was asked for came, but was not all handed on", longer
    elif shown and selection.count is not None:
        said = f"{shown} of {selection.count} notifications came"
        hint = f"{longer}, or ask for fewer with --count"
    elif shown:
        said += ", and none made --until true" if selection.has_end else ""
        hint = f"check --until, or {longer}"
        if not selection.has_end:
            hint = "to end with 0, say what is enough: --count N or --until EXPR"
    return TimeRanOut(f"{timeout or 0:g} s are over; {said}", hint)
