"""What a TAB offers as values: profiles, server entries, types.

A TAB must be cheap and silent: files are read as plain TOML (no pydantic), nobody is
asked over a network, and what is wrong ends the list without a word. Where nothing is
offered, the shell completes file names, which is what the other options want.

A TAB must be harmless, too: nobody has said yes to the folder it is pressed in. What a
folder's ``.env`` names is not read, and only words go to a shell that none of them
could take for anything but a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from typing import Any

import typer

from notifyws.errors import NotifyError

__all__ = ["commands", "profiles", "servers", "types"]

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
            for word in known(ctx):
                found.add(word)
        fit = (word for word in found if word.startswith(incomplete))
        return sorted(word for word in fit if re.fullmatch(SAFE, word))

    del offer.__wrapped__  # typer would read that one's parameters
    return offer


@_offering
def commands(ctx: typer.Context) -> Iterable[str]:
    """Yield the commands, for ``notifyws help``."""
    group: Any = ctx.find_root().command
    for name, command in group.commands.items():
        if not command.hidden:
            yield name


@_offering
def profiles(ctx: typer.Context) -> Iterable[str]:
    """Yield the built-in profiles and the user's own."""
    from notifyws.protocol.loader import built_in, own

    yield from built_in()
    yield from own()


@_offering
def servers(ctx: typer.Context) -> Iterable[str]:
    """Yield the server entries of ``config.toml``."""
    import tomllib

    from notifyws.config.files import read_text_file
    from notifyws.config.sources import config_file

    file = config_file(ctx.params.get("env_file"))
    config = tomllib.loads(read_text_file(file))
    yield from _table(config, "servers")


@_offering
def types(ctx: typer.Context) -> Iterable[str]:
    """Yield the known types: the samples', the settings' and the profile's."""
    import tomllib

    from notifyws.config.dotenv_guard import FOUND
    from notifyws.config.sources import load
    from notifyws.protocol.loader import profile_text
    from notifyws.samples import SAMPLES

    yield from SAMPLES
    said = {name: ctx.params.get(name) for name in ("server", "profile", "url")}
    loaded = load(said, env_file=ctx.params.get("env_file"))
    yield from loaded.settings.styles
    if loaded.sources["profile"] != FOUND:
        text, _ = profile_text(loaded.settings.profile)
        yield from _table(tomllib.loads(text), "types")


def _table(values: dict[str, Any], name: str) -> Iterable[str]:
    table = values.get(name, {})
    return table if isinstance(table, dict) else ()
