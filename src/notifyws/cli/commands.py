"""The commands by name, each imported when it is asked for.

Importing all of them costs as much as everything else a cached token takes. So does
describing them; the list of them needs their first sentences only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer._click import Command, Context, HelpFormatter
from typer.core import TyperCommand, TyperGroup

__all__ = ["DESCRIBED", "Commands"]

DESCRIBED = {
    "listen": "Show notifications as they arrive: live in a terminal, JSON Lines in a "
    "pipe.",
    "send": "Send a message, and claim success only when the server has taken it.",
    "token": "Print a fresh access token: cached, refreshed, or logged in for.",
    "auth": "Log in, log out, and who am I.",
    "status": "Say what is configured, cached and working, and what to do where it is "
    "not.",
    "profile": "How servers speak: list, show, check and write profiles.",
    "serve": "Run a server to try, test and demonstrate with; not for anything real.",
}
"""What each command says of itself first; ``notifyws.cli.NAME`` holds it."""


class Commands(TyperGroup):
    """The commands below ``notifyws``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = _Shelf(self.commands)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the list of commands, without importing them."""
        shelf, self.commands = self.commands, _described(self.commands)
        try:
            super().format_help(ctx, formatter)
        finally:
            self.commands = shelf


class _Shelf(MutableMapping[str, Command]):
    """Commands by name; one is imported when it is taken."""

    def __init__(self, present: Mapping[str, Command]) -> None:
        self._there = dict(present)
        self._names = [*DESCRIBED, *present]

    def __getitem__(self, name: str) -> Command:
        if name not in self._there and name in self._names:
            self._there[name] = _loaded(name)
        return self._there[name]

    def __setitem__(self, name: str, command: Command) -> None:
        self._there[name] = command
        self._names = list(dict.fromkeys([*self._names, name]))

    def __delitem__(self, name: str) -> None:
        self._names.remove(name)
        self._there.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _loaded(name: str) -> Command:
    module = import_module(f"notifyws.cli.{name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(name, epilog=module.EXAMPLES)(getattr(module, name))
    command = typer.main.get_command(app)
    command.name = name
    return command


def _described(shelf: Mapping[str, Command]) -> dict[str, Command]:
    """Return commands that can be listed and nothing else."""
    listed: dict[str, Command] = {
        name: TyperCommand(name, help=sentence) for name, sentence in DESCRIBED.items()
    }
    return listed | {name: shelf[name] for name in shelf if name not in DESCRIBED}
