"""Mounts the commands; the one place that turns an error into words and a code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from notifyws.cli.commands import Commands
from notifyws.cli.completion import commands
from notifyws.cli.completion_scripts import use_our_scripts
from notifyws.cli.process import Interrupted, die_by
from notifyws.errors import NotifyError, OutputFailed, UsageError
from notifyws.ui.streams import (
    ReaderGone,
    emit,
    guard_descriptors,
    guard_stdout,
    say,
)
from notifyws.version import __version__

__all__ = ["app", "main"]

use_our_scripts()
app = typer.Typer(
    name="notifyws",
    cls=Commands,
    help="Listen to WebSocket notification servers that want a token.",
    suggest_commands=False,  # the hint line does
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        emit(f"notifyws {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        from notifyws.cli.welcome import handshake

        emit(handshake())


@app.command("help", hidden=True)
def _help(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND]...", autocompletion=commands),
    ] = None,
) -> None:
    """Say how a command is used: the same as its --help."""
    root = context.find_root()
    root.command.main([*(words or []), "--help"], root.info_name, standalone_mode=False)


def main() -> NoReturn:
    """Run the command line and end the process as a shell expects it."""
    guard_descriptors()
    guard_stdout()
    if os.environ.get("COLUMNS", "").strip() == "0":  # a terminal that does not know
        del os.environ["COLUMNS"]
    arguments = sys.argv[1:]
    try:
        code = _run(arguments)
    except (Interrupted, KeyboardInterrupt) as error:
        die_by(getattr(error, "signum", signal.SIGINT))
    except ReaderGone:
        code = 0
    except SystemExit as ended:  # as typer ends a completion
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except NotifyError as error:
        code = _report(error, arguments)
    except Exception as error:  # noqa: BLE001 - the last line before a shell
        code = _report_bug(error, arguments)
    _leave(code)


def _run(arguments: Sequence[str]) -> int:
    from typer._click.exceptions import ClickException, NoArgsIsHelpError

    try:
        result = app(list(arguments), prog_name="notifyws", standalone_mode=False)
    except typer.Abort:
        raise Interrupted(signal.SIGINT) from None
    except NoArgsIsHelpError:  # which has printed it
        return UsageError.exit_code
    except ClickException as error:
        from notifyws.cli.usage_hints import sentence, usage_hint

        raise UsageError(sentence(error), usage_hint(error, arguments)) from None
    if result == 128 + signal.SIGINT:  # how typer takes a Ctrl-C that it sees first
        raise Interrupted(signal.SIGINT)
    return result if isinstance(result, int) else 0


def _report(error: NotifyError, arguments: Sequence[str]) -> int:
    from notifyws.cli.usage_hints import at_the_same_place

    error.hint = at_the_same_place(error.hint, arguments)
    if "--json" in arguments:
        from notifyws.models import strict_json

        say(strict_json(error.as_json()))
    else:
        say(error.message, "error")
        if error.hint:
            say(error.hint, "hint")
    return error.exit_code


def _report_bug(error: Exception, arguments: Sequence[str]) -> int:
    if _verbose(arguments):
        import traceback

        for line in traceback.format_exception(error):
            for each in line.rstrip("\n").split("\n"):
                say(each)
    what = f"unexpected {type(error).__name__}"
    bug = NotifyError(what, "run it again with -v and report what it prints")
    return _report(bug, arguments)


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
    os._exit(code)
