"""What a TAB offers as values (profiles, server entries, types), and how shells ask.

A TAB must be cheap and silent: files are read as plain TOML (no pydantic), nobody is
asked over a network, and what is wrong ends the list without a word. Where nothing is
offered, the shell completes file names, which is what the other options want.

A TAB must be harmless, too: nobody has said yes to the folder it is pressed in. What a
folder's ``.env`` names is not read, and only words go to a shell that none of them
could take for anything but a word.

The scripts stand in place of typer's. Those know nothing of ``--option=value``; the one
for zsh completes nothing at the first TAB when it lies in a folder of ``fpath``, and
the one for fish starts the command twice for each TAB. None of ours evaluates an
answer: it is text, line by line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import IO, Any

import typer

from notifyws.config.files import open_to_append, read_text_file
from notifyws.errors import ConfigurationError, NotifyError, UsageError
from notifyws.ui.streams import emit, say

SCRIPTS = Path(__file__).with_name("completions")
"""Where the scripts lie, one a shell."""
Offer = Callable[[typer.Context, str], list[str]]

SAFE = r"[\w.:@/+][\w.:@/+-]*"
"""A word without a meaning of its own in any shell, and that is no option."""


def _offering(known: Callable[[typer.Context], Iterable[str]]) -> Offer:
    """Make a completion of what is known: those that begin as typed, in order.

    What was found before something turned out wrong is offered all the same.
    """

    @wraps(known)
    def offer(ctx: typer.Context, incomplete: str) -> list[str]:
        found: set[str] = set()
        with suppress(NotifyError, OSError, ValueError):
            found.update(known(ctx))
        fit = (word for word in found if word.startswith(incomplete))
        return sorted(word for word in fit if re.fullmatch(SAFE, word))

    del offer.__wrapped__  # typer would read that one's parameters
    return offer


@_offering
def commands(ctx: typer.Context) -> Iterable[str]:
    """Yield the commands, for ``notifyws help``."""
    from notifyws.cli.app import COMMANDS

    yield from COMMANDS


@_offering
def profiles(ctx: typer.Context) -> Iterable[str]:
    """Yield the built-in profiles and the user's own."""
    from notifyws.protocol.loader import built_in, own

    yield from built_in()
    yield from own()


@_offering
def servers(ctx: typer.Context) -> Iterable[str]:
    """Yield the server entries of ``config.toml``."""
    from notifyws.config.sources import config_file
    from notifyws.config.toml_text import read_toml

    file = config_file(ctx.params.get("env_file"))
    config = read_toml(read_text_file(file))
    yield from _table(config, "servers")


@_offering
def types(ctx: typer.Context) -> Iterable[str]:
    """Yield the known types: the samples', the settings' and the profile's."""
    from notifyws.config.dotenv_guard import FOUND
    from notifyws.config.sources import load
    from notifyws.config.toml_text import read_toml
    from notifyws.models import SAMPLES
    from notifyws.protocol.loader import profile_text

    yield from SAMPLES
    named = ctx.params.get("server") or [None]  # `listen` takes several
    for server in [named] if isinstance(named, str) else named:
        said = {name: ctx.params.get(name) for name in ("profile", "url")}
        loaded = load({**said, "server": server}, env_file=ctx.params.get("env_file"))
        yield from loaded.settings.styles
        if loaded.sources["profile"] != FOUND:
            text, _ = profile_text(loaded.settings.profile)
            yield from _table(read_toml(text), "types")


def _table(values: dict[str, Any], name: str) -> Iterable[str]:
    table = values.get(name, {})
    return table if isinstance(table, dict) else ()


PLACES = {
    "bash": (".bash_completions/notifyws.sh", ".bashrc", "source '{path}'"),
    "zsh": (
        ".zfunc/_notifyws",
        ".zshrc",
        "fpath+=~/.zfunc; autoload -Uz compinit; compinit",
    ),
    "fish": (".config/fish/completions/notifyws.fish", "", ""),
}
"""Below home: a script's place, and the file that needs a line for it, and which."""


def script(shell: str) -> str:
    """Return the script of a shell."""
    return (SCRIPTS / f"notifyws.{shell}").read_text("utf-8")


def show_script(ctx: Any, param: Any, wanted: bool) -> None:
    """Print the script of the shell that we are started from, and end.

    Raises:
        UsageError: there is none for this shell.
    """
    if wanted and not ctx.resilient_parsing:
        emit(script(_shell()))
        raise typer.Exit


def install_script(ctx: Any, param: Any, wanted: bool) -> None:
    """Write that script where its shell finds it, and end.

    Raises:
        UsageError: there is none for this shell.
        ConfigurationError: a file cannot be read or written.
    """
    if not wanted or ctx.resilient_parsing:
        return
    shell = _shell()
    place, startup, line = PLACES[shell]
    file = Path(place)
    try:
        file = path = Path.home() / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with _opened(path) as written:
            written.truncate(0)
            written.write(script(shell).encode())
        if startup:
            file = Path.home() / startup
            quoted = str(path).replace("'", r"'\''")
            _want_line(file, os.fsencode(line.format(path=quoted)))
    except RuntimeError:
        raise ConfigurationError("you have no home folder", "set HOME") from None
    except OSError as error:
        message = f"cannot write {error.filename or file}: {error.strerror}"
        hint = "put what notifyws --show-completion prints where your shell reads it"
        raise ConfigurationError(message, hint) from None
    say(f"Completions for {shell} are in {path}; open a new shell")
    raise typer.Exit


def _shell() -> str:
    import shellingham

    name = "this shell"
    with suppress(shellingham.ShellDetectionFailure):
        name = shellingham.detect_shell()[0]
    if name not in PLACES:
        known = ", ".join(PLACES)
        raise UsageError(f"there are no completions for {name}", f"there are: {known}")
    return name


def _opened(path: Path) -> IO[bytes]:
    """Return a file to write at its end; never a pipe, which nobody may read.

    Raises:
        OSError: it is one, or cannot be opened.
    """
    return os.fdopen(open_to_append(path, ours=False), "ab")


def _want_line(path: Path, line: bytes) -> None:
    """Add a line to a file that has no such line yet.

    Raises:
        OSError: it is no file, or cannot be read or written.
    """
    with _opened(path) as file:
        if line not in map(bytes.strip, path.read_bytes().splitlines()):
            file.write(b"\n" + line + b"\n")
