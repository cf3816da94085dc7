"""The root: mounts the commands; the one place that turns an error into a code.

A command is imported when it is asked for: to import all of them costs as much as
everything else that a cached token takes. The list of them needs their first sentences
only.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from notifyws import __version__
from notifyws.cli.completion import commands, install_script, show_script
from notifyws.cli.process import Interrupted, die_by, settle_environment
from notifyws.errors import ConfigurationError, NotifyError, OutputFailed, UsageError
from notifyws.ui.streams import (
    TALK,
    ReaderGone,
    emit,
    guard_descriptors,
    guard_stdout,
    say,
)

FAREWELL = 0.5
"""Seconds that the last words wait for room."""
COMMANDS = {
    "listen": "Show notifications as they arrive: live in a terminal, JSON Lines in a "
    "pipe.",
    "send": "Send a message, and claim success only when the server has taken it.",
    "token": "Print a fresh access token: cached, refreshed, or logged in for.",
    "auth": "Log in, log out, and who am I.",
    "status": "Say what is configured, cached and working, and what to do where it is "
    "not.",
    "profile": "How servers speak: list, show, check and write profiles.",
    "mcp": "Offer notifications to a model's client (MCP), over stdin and stdout.",
    "routes": "What goes where, by the routes of config.toml.",
    "serve": "Run a server to try and test with, and its page; not for anything real.",
}
"""What each command says of itself first; ``notifyws.cli.NAME`` holds it."""


class _Root(TyperGroup):
    """The commands above, and those that are mounted on it."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        if self._listing:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name])
        return _loaded(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        with self._listed():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        with self._listed():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _listed(self) -> Iterator[None]:
        """Have commands that can be listed and nothing else."""
        self._listing = True
        try:
            yield
        finally:
            self._listing = False


@cache
def _loaded(name: str) -> Any:
    module = import_module(f"notifyws.cli.{name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        kind = getattr(module, "COMMAND", None)
        command = app.command(name, cls=kind, epilog=module.EXAMPLES)
        command(getattr(module, name))
    command = typer.main.get_command(app)
    command.name, command.help = name, COMMANDS[name]
    return command


app = typer.Typer(
    name="notifyws",
    cls=_Root,
    help="Listen to WebSocket notification servers that want a token.",
    suggest_commands=False,  # the hint line does
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def root_command() -> Any:
    """Return what is run: typer's command, with our scripts for its completions."""
    root = typer.main.get_command(app)
    ours = {"install_completion": install_script, "show_completion": show_script}
    for option in root.params:
        if option.name in ours:
            option.callback = ours[option.name]
    return root


def _version(wanted: bool) -> None:
    if wanted:
        emit(f"notifyws {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    if context.invoked_subcommand is None:
        from notifyws.cli.hints import next_steps

        emit(next_steps())


@app.command("help", hidden=True)
def _help(
    context: typer.Context,
    words: list[str] | None = typer.Argument(
        None, metavar="[COMMAND]...", autocompletion=commands
    ),
) -> None:
    """Say how a command is used: the same as its --help."""
    root = context.find_root()
    root.command.main([*(words or []), "--help"], root.info_name, standalone_mode=False)


def main() -> NoReturn:
    """Run the command line and end the process as a shell expects it."""
    guard_descriptors()
    guard_stdout()
    arguments = sys.argv[1:]
    try:
        code = _answer(arguments)
    except (Interrupted, KeyboardInterrupt) as error:
        die_by(getattr(error, "signum", signal.SIGINT))
    except ReaderGone:
        code = 0
    except SystemExit as ended:  # as typer ends a completion
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except Exception as error:  # noqa: BLE001 - the last line before a shell
        code = _report_bug(error, arguments)
    _leave(code)


def _answer(arguments: Sequence[str]) -> int:
    try:
        settle_environment()
        return _run(arguments)
    except NotifyError as error:
        return _report(error, arguments)


def _run(arguments: Sequence[str]) -> int:
    root = root_command()
    try:
        result = root.main(list(arguments), prog_name="notifyws", standalone_mode=False)
    except typer.Abort:
        raise Interrupted(signal.SIGINT) from None
    except typer.TyperException as error:
        from notifyws.cli.hints import sentence, usage_hint

        raise UsageError(sentence(error), usage_hint(error, arguments, root)) from None
    if result == 128 + signal.SIGINT:  # how typer takes a Ctrl-C that it sees first
        raise Interrupted(signal.SIGINT)
    return result if isinstance(result, int) else 0


def _report(error: NotifyError, arguments: Sequence[str]) -> int:
    from notifyws.cli.hints import fitting

    error.hint = fitting(error.hint, arguments)
    if "--json" in arguments:
        from notifyws.models import strict_json

        say(strict_json(error.as_json()))
    else:
        say(error.message, "error")
        if error.hint:
            say(error.hint, "hint")
    return error.exit_code


def _report_bug(error: Exception, arguments: Sequence[str]) -> int:
    hint = "run it again with -v and report what it prints"
    if _verbose(arguments):
        hint = "report what it prints"
        import traceback

        for line in traceback.format_exception(error):
            for each in line.rstrip("\n").split("\n"):
                say(each)
    if isinstance(error, OSError) and error.filename and error.strerror:
        # a file that nobody foresaw is the system's doing, and no bug of ours
        what = f"cannot use {error.filename}: {error.strerror}"
        permitted = "check that path and its permissions"
        return _report(ConfigurationError(what, permitted), arguments)
    what = f"unexpected {type(error).__name__}"
    return _report(NotifyError(what, hint), arguments)


def _verbose(arguments: Sequence[str]) -> bool:
    short = (a for a in arguments if a.startswith("-") and not a.startswith("--"))
    return "--verbose" in arguments or any(set(a[1:]) == {"v"} for a in short)


def _leave(code: int) -> NoReturn:
    """Flush what others printed (help, completion), and end with ``code`` at once.

    Everything is closed by now. To take the interpreter apart, module by module, is
    10 ms: a seventh of what a cached token takes.
    """
    try:
        sys.stdout.flush()
    except ReaderGone:
        pass
    except (OutputFailed, ValueError):
        code = code or OutputFailed.exit_code
    TALK.flush(FAREWELL)
    os._exit(code)
