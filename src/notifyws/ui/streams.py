"""stdout carries data, stderr carries talk; here both are written.

Data goes to the file descriptor itself, whole and at once, so that a full disk or a
reader that has gone is noticed where it happens. Help and completions are written by
typer, to ``sys.stdout``; what fails there is told by the same errors.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from notifyws.errors import OutputFailed, UsageError
from notifyws.ui.talk import Talk

if TYPE_CHECKING:
    from notifyws.config.settings import Settings
    from notifyws.ui.rows import Row
    from notifyws.ui.theme import Theme

_HINTS = {
    errno.ENOSPC: "free some space there, or write somewhere else",
    errno.EDQUOT: "free some of your quota, or write somewhere else",
    errno.EBADF: "start it with stdout open: a terminal, a pipe, a file, /dev/null",
}
LABELS = {"error": "bold red", "hint": "bold cyan", "warning": "bold yellow"}

TALK = Talk(2)


class ReaderGone(Exception):
    """Whoever read our output has left (``| head -1``, a closed terminal): end so."""


def write_failure(error: OSError, name: str = "stdout") -> ReaderGone | OutputFailed:
    """Return what to raise where ``name`` could not be written."""
    if isinstance(error, (BrokenPipeError, ConnectionResetError)):
        return ReaderGone(name)
    number = error.errno or 0
    what = "it is closed" if number == errno.EBADF else os.strerror(number).lower()
    hint = _HINTS.get(number, "write it somewhere else")
    return OutputFailed(f"{name} cannot be written: {what}", hint)


def guard_descriptors() -> None:
    """Put something harmless where a standard stream is closed.

    The next file opened would take its number, and be written to by mistake.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)


def guard_stdout() -> None:
    """Have what fails on ``sys.stdout`` told as it is by :func:`emit`."""
    now = sys.stdout
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Descriptor(1, "wb", closefd=False)),
        encoding=now.encoding if now else "utf-8",
        errors=now.errors if now else "backslashreplace",
        line_buffering=os.isatty(1),
    )


class _Descriptor(io.FileIO):
    def write(self, data: Any, /) -> int:
        with _translated():
            return _written(data)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise write_failure(error) from None


def emit(text: str) -> None:
    """Write data to stdout that its maker answers for: JSON, a token, a drawn page.

    Raises:
        ReaderGone: nobody reads it any more.
        OutputFailed: it cannot be written.
    """
    data = text.encode("utf-8", "surrogateescape")
    with _translated():
        while data:
            data = data[_written(data) :]


def _written(data: Any) -> int:
    """Return how much was taken, also where another process made it non-blocking."""
    while True:
        try:
            return os.write(1, data)
        except BlockingIOError:
            import select

            select.select([], [1], [])


def emit_line(text: str) -> None:
    """Write one line to stdout of which others may have written parts: text only."""
    from notifyws.ui.sanitize import text_only

    emit(f"{text_only(text)}\n")


def emit_json(value: object) -> None:
    """Write one line of ASCII-safe strict JSON to stdout."""
    from notifyws.models import strict_json  # 7 ms, which help need not pay

    emit(f"{strict_json(value)}\n")


def theme_on(descriptor: int, settings: Settings | None = None) -> Theme:
    """Return how things, and types if any, are drawn on stdout (1) or stderr (2)."""
    from notifyws.config.settings import Settings
    from notifyws.ui.theme import Theme

    return Theme.of(
        settings or Settings(),
        os.environ,
        terminal=os.isatty(descriptor),
        encoding=getattr(sys.stdout, "encoding", None) or "utf-8",
    )


def draw(rows: Callable[[int], Iterable[Row]]) -> None:
    """Write rows for people to stdout, as it suits what reads it.

    Args:
        rows: makes them for so many columns.

    Raises:
        ReaderGone, OutputFailed: see :func:`emit`.
    """
    from notifyws.ui.output import terminal_width
    from notifyws.ui.rows import ENDLESS

    theme = theme_on(1)
    width = terminal_width(1, os.environ)() if os.isatty(1) else ENDLESS
    emit(theme.encode(theme.page(rows(width))).decode())


def say(text: str, label: str = "") -> None:
    """Write a line of talk to stderr, made harmless; never raises.

    Args:
        text: what to say.
        label: what it is: ``error``, ``hint`` or ``warning``. A warning is told whole:
            it may be all that is left of a notification.
    """
    from notifyws.ui.sanitize import harmless, text_only

    line = (text_only if label == "warning" else harmless)(text) + "\n"
    if label:
        line = f"{theme_on(2).paint(f'{label}:', LABELS[label])} {line}"
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    TALK.say(line.encode(encoding, "backslashreplace"))


def prompt(question: str, default: str | None = None, **options: Any) -> str:
    """Ask on the terminal and return what is typed, as :func:`typer.prompt` does.

    Raises:
        UsageError: it is no text.
    """
    import typer

    from notifyws.ui.sanitize import harmless

    asked = theme_on(2).paint(harmless(question), "bold")
    try:
        return str(typer.prompt(asked, default, err=True, **options))
    except UnicodeDecodeError:
        raise UsageError("what was typed is not UTF-8 text", "type it again") from None


def warner(quiet: bool) -> Callable[[str], None]:
    """Return what says a warning on stderr, unless ``quiet``."""
    return (lambda text: None) if quiet else (lambda text: say(text, "warning"))
