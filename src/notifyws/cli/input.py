"""What is told beside the options: typed at a prompt, or piped into stdin.

Nobody is asked where there is no terminal, and what is asked for in vain a few times
is an error. What is piped is text, and not without end.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import AsyncIterator, Callable
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notifyws.cli.process import interruptible
from notifyws.config.files import LIMIT, MARK, read_text_file
from notifyws.config.urls import shown_url
from notifyws.errors import ConfigurationError, NotifyError, UsageError
from notifyws.ui import streams
from notifyws.ui.streams import say

if TYPE_CHECKING:
    from notifyws.ui.progress import Progress

TRIES = 3
"""How often something is asked for before it is an error."""
SAVE = "write it as UTF-8, as in: printf %s ... | notifyws ..."
CHUNK = 1 << 16
"""Bytes that are read at once."""


def can_ask() -> bool:
    """Tell whether there is a terminal to ask on."""
    return sys.stdin is not None and sys.stdin.isatty()


def prompt(question: str, default: str | None = None, **options: Any) -> str:
    """Ask on the terminal; whatever ends the question, the terminal is given back.

    Raises:
        Interrupted: a signal ended it.
        UsageError: what was typed is no text.
    """
    with interruptible():
        return streams.prompt(question, default, **options)


def want_terminal(what: str, hint: str) -> None:
    """Raise unless what is not given can be asked for.

    Raises:
        ConfigurationError: there is no terminal.
    """
    if not can_ask():
        message = f"no {what.lower()} is given, and there is no terminal to ask on"
        raise ConfigurationError(message, hint)


def ask(what: str, whose: str) -> str:
    """Ask for a username or a password; the latter is not shown.

    Raises:
        ConfigurationError: there is no terminal.
    """
    option = "--username NAME" if what == "Username" else "--password-stdin"
    want_terminal(what, f"set WEBSOCKET_{what.upper()}, or use {option}")
    return prompt(f"{what} for {whose}", hide_input=what == "Password")


def answer(
    what: str, said: str | None, known: str, check: Callable[[str], str], option: str
) -> str:
    """Return what a flag said, else what is answered, else what is known.

    Args:
        check: returns it as it is to be used, or raises what is wrong with it.

    Raises:
        ConfigurationError: there is nobody to ask, or nothing of use was answered.
    """
    if said is not None:
        return check(said)
    if known and not can_ask():
        return check(known)
    want_terminal(what, f"give {option}")
    for left in reversed(range(TRIES)):
        try:
            asked = f"{what} [{shown_url(known)}]" if known else what
            return check(prompt(asked, known or None, show_default=False))
        except ConfigurationError as error:
            if not left:
                raise
            say_wrong(error)
    raise AssertionError


def say_wrong(error: NotifyError) -> None:
    """Say what is wrong with an answer before another one is asked for."""
    say(f"{error.message}: {error.hint}" if error.hint else error.message)


def password_from_stdin() -> str:
    """Return the first line of stdin.

    Raises:
        UsageError: there is none, or it is no password.
    """
    line = b"" if sys.stdin is None else sys.stdin.buffer.readline(LIMIT + 1)
    password = _as_text(line, "the password on stdin").rstrip("\r\n")
    if not password:
        raise UsageError("no password came on stdin", "echo it into the command")
    if "\0" in password:
        raise UsageError("the password on stdin holds a NUL", SAVE)
    return password


def text_from_stdin(waiting: str) -> str:
    """Return all of stdin as text.

    Args:
        waiting: what to say when nothing comes for a second; empty for nothing.

    Raises:
        UsageError: it is no text, or more than a megabyte.
    """
    if sys.stdin is None:
        return ""
    if waiting and not select.select([sys.stdin], [], [], 1.0)[0]:
        say(waiting)
    return _as_text(sys.stdin.buffer.read(LIMIT + 1), "stdin")


def frames_of(sample: str | None) -> str:
    """Return frames out of a file, of stdin for ``-``, or as they are pasted.

    Raises:
        UsageError, ConfigurationError: it is no text, or more than a megabyte.
    """
    if sample == "-":
        return text_from_stdin("")
    if sample is not None:
        return read_text_file(Path(sample))
    say("Paste a frame or several, then an empty line (nothing: every frame as it is):")
    lines = iter(lambda: sys.stdin.buffer.readline(LIMIT + 1), b"")
    pasted = takewhile(lambda line: line.strip(), lines)
    return _as_text(b"".join(pasted), "what was pasted")


def _as_text(data: bytes, what: str) -> str:
    if len(data) > LIMIT:
        raise UsageError(f"{what} is larger than 1 MiB", "give it less")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{what} is not UTF-8 text", SAVE) from None


async def lines_from_stdin(shown: Progress, waiting: str) -> AsyncIterator[str]:
    """Yield the whole lines of stdin, as many at a time as have come.

    ``shown`` says that nothing comes, in the words of ``waiting`` if there are any.
    """
    import asyncio

    rest: list[bytes] = []
    later = None
    if waiting and not select.select([0], [], [], 0)[0]:
        later = asyncio.get_running_loop().call_later(1.0, shown.say, waiting)
    while chunk := await stdin_chunk():
        shown.read(len(chunk))
        if later is not None:
            later.cancel()
        whole, newline, begun = chunk.rpartition(b"\n")
        if newline:
            yield _decoded(b"".join([*rest, whole]))
            rest = []
        rest.append(begun)
    if any(rest):
        yield _decoded(b"".join(rest))


async def stdin_chunk() -> bytes:
    """Return what is there to read; a thread would keep the process from ending."""
    import asyncio

    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(0, ready.set)
    except OSError:  # a regular file, which is always ready
        await asyncio.sleep(0)
        return os.read(0, CHUNK)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(0)
    return os.read(0, CHUNK)


def _decoded(lines: bytes) -> str:
    """Return lines as text, without the marks that some files begin with.

    What is not UTF-8 in them can be told from the line that holds it.
    """
    text = lines.decode(errors="surrogateescape")
    return text.removeprefix(MARK).replace(f"\n{MARK}", "\n")
