"""stdout carries data, stderr carries talk; here both are written.

Data goes to the file descriptor itself, whole and at once, so that a full disk or a
reader that has gone is noticed where it happens.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from notifyws.errors import OutputFailed

__all__ = ["ReaderLeft", "emit", "emit_json", "guard_descriptors", "say", "warner"]


class ReaderLeft(Exception):
    """Nobody reads stdout any more: end quietly."""


def guard_descriptors() -> None:
    """Put something harmless where a standard stream is closed.

    The next file opened would take its number, and be written to by mistake.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)


def emit(text: str) -> None:
    """Write data to stdout.

    Raises:
        ReaderLeft: nobody reads it any more.
        OutputFailed: it cannot be written.
    """
    data = text.encode("utf-8", "surrogateescape")
    try:
        while data:
            data = data[os.write(1, data) :]
    except BrokenPipeError:
        raise ReaderLeft from None
    except OSError as error:
        message = f"cannot write to stdout: {error.strerror}"
        raise OutputFailed(message, "check where the output goes") from None


def emit_json(value: object) -> None:
    """Write one line of ASCII-safe strict JSON to stdout."""
    emit(json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n")


def say(text: str) -> None:
    """Write a line of talk to stderr, made harmless; never raises."""
    from notifyws.view.safe import harmless

    line = harmless(text) + "\n"
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    try:
        os.write(2, line.encode(encoding, "backslashreplace"))
    except OSError:
        return


def warner(quiet: bool) -> Callable[[str], None]:
    """Return what says a warning on stderr, unless ``quiet``."""
    return (lambda text: None) if quiet else (lambda text: say(f"warning: {text}"))
