"""Runs a command's coroutine, and ends a process the way a shell expects.

The first SIGINT, SIGTERM or SIGHUP asks the coroutine to end (it is cancelled, and
closes its connection); a second one forces, and so does time, wherever the process
waits: also in a system call that keeps the event loop from running. Afterwards the
process dies by that very signal. As PID 1, whom a signal of its own does not kill, it
exits with 128 + n. A signal that was ignored when we were started stays ignored, but
for the one that tells of a child's end: without it no hook's exit code is known. One
that was blocked is heard.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from notifyws.config.files import is_pipe_or_device
from notifyws.errors import ConfigurationError

if TYPE_CHECKING:
    from asyncio import Task

Result = TypeVar("Result")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STARTUP_TIME = 1.0
"""Seconds after which everything that a command needs is imported."""
ENDING_TIME = 1.8
"""Seconds that a command may take to end after a signal: with what a process takes to
go, two."""
GARBAGE_THRESHOLD = 20_000
"""Objects that may be made, and not have gone, before garbage is looked for."""


_last_acts: list[Callable[[], None]] = []


UNHEARD = r"WEBSOCKETS_.*|PYTHON_DOTENV_DISABLED"
"""Variables by which libraries would take other bounds than ours, or read no file."""
SIZES, SIZE = ("COLUMNS", "LINES"), r"0*[1-9][0-9]{0,3}"
"""A terminal's size; 0 is that of one that does not know, and a huge one no memory."""
OPENED = ("OPENSSL_CONF", "SSL_CERT_DIR")
"""Variables that name what OpenSSL opens once it is imported; it waits at a pipe."""


def settle_environment() -> None:
    """Keep the environment from changing what libraries do behind our back.

    Raises:
        ConfigurationError: it would have us wait for ever.
    """
    for name, value in list(os.environ.items()):
        odd_size = name in SIZES and not re.fullmatch(SIZE, value.strip())
        if odd_size or re.fullmatch(UNHEARD, name):
            del os.environ[name]
    if "_NOTIFYWS_COMPLETE" in os.environ:  # the library takes them for granted
        os.environ.setdefault("COMP_WORDS", "")
        if not re.fullmatch(r"[0-9]{1,4}", os.environ.get("COMP_CWORD", "")):
            os.environ["COMP_CWORD"] = "1"
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # Python's own, with tracebacks
    for name in OPENED:
        if is_pipe_or_device(path := os.environ.get(name, "")):
            del os.environ[name]  # to say so, OpenSSL may have to be imported
            message = f"cannot use {name} {path}: it is a pipe or a device"
            raise ConfigurationError(message, f"unset {name}")


class Interrupted(BaseException):
    """A signal asked us to end, this one."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def run(
    main: Coroutine[Any, Any, Result], *, garbage_after: float = STARTUP_TIME
) -> Result:
    """Run ``main`` to its end; after some seconds, look for garbage now and then.

    Raises:
        Interrupted: a signal ended it.
    """
    import asyncio  # half of what a command costs that needs none of it

    from notifyws.ui.library_log import hear_libraries

    hear_libraries()
    _hear_signals()
    caught: list[int] = []

    async def watched() -> Result:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        loop.call_later(garbage_after, _look_for_garbage)
        for signum in ENDING:
            if signal.getsignal(signum) is not signal.SIG_IGN:
                loop.add_signal_handler(signum, heard, signum, task)
                signal.signal(signum, on_signal)  # before the loop's turn, or without
        return await main

    def heard(signum: int, task: Task[Any]) -> None:
        if not caught:  # it came between the two lines above
            on_signal(signum, None)
        _interrupt(task)

    def on_signal(signum: int, frame: FrameType | None) -> None:
        if caught:
            die_by(caught[0] if signum == signal.SIGALRM else signum)
        caught.append(signum)
        signal.signal(signal.SIGALRM, on_signal)
        signal.setitimer(signal.ITIMER_REAL, ENDING_TIME)

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        if caught:
            raise Interrupted(caught[0]) from None
        raise
    finally:
        if caught:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(task: Task[Any]) -> None:
    """Cancel a task, and have that counted no longer than it is on its way.

    Before Python 3.11.3, ``asyncio.timeout`` raises no ``TimeoutError`` in a task of
    which a cancellation is counted: what ends a command would end at its first one.
    """
    task.cancel()
    task.get_loop().call_soon(task.uncancel)


def _hear_signals() -> None:
    """Undo what whoever started us did to signals, but for what may be meant."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _look_for_garbage() -> None:
    """Begin to, but not among what a start has made: that stays.

    It is looked for seldom: a burst makes thousands of objects that go by themselves,
    and to look among them each time takes 8 % of a blast.
    """
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 100)
    gc.enable()


@contextmanager
def interruptible() -> Iterator[None]:
    """Have a signal end a question as Ctrl-C does: the terminal is given back.

    Raises:
        Interrupted: a signal came.
    """

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise Interrupted(signum)

    asked = [each for each in ENDING if signal.getsignal(each) is not signal.SIG_IGN]
    before = {signum: signal.signal(signum, interrupt) for signum in asked}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


class Cancellation:
    """Ends a command from outside of it: as Ctrl-C would, but with nothing wrong.

    A key was pressed, or nobody reads stdout any more: the task that made this is
    cancelled, closes its connection, and the command is done. Where something it needs
    has died, it ends in the same way, and then with that error. Outside of ``async
    with``, a call does nothing: what is ending by itself is left alone.
    """

    def __init__(self) -> None:
        import asyncio

        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._left = self._inside = False
        self._error: Exception | None = None

    def __call__(self) -> None:
        """Leave; once is enough."""
        if self._inside and not self._left:
            self._left = True
            self._task.cancel()

    def died(self, said: str, error: Exception) -> None:
        """Leave because a background task died; its error is the command's."""
        self._error = self._error or error
        self()

    async def __aenter__(self) -> Cancellation:
        self._inside = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._inside = False
        from asyncio import CancelledError

        asked = self._left and isinstance(error, CancelledError)
        left = asked and not self._task.uncancel()
        if left and self._error is not None:
            raise self._error
        return left


@contextmanager
def before_dying(act: Callable[[], None]) -> Iterator[None]:
    """Have ``act`` done even if a second signal or SIGQUIT ends us.

    So a terminal is given back.
    """
    _last_acts.append(act)
    before = signal.getsignal(signal.SIGQUIT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGQUIT, lambda signum, frame: die_by(signum))
    try:
        yield
    finally:
        signal.signal(signal.SIGQUIT, before)
        _last_acts.remove(act)


def die_by(signum: int) -> NoReturn:
    """End this process by a signal, or with its exit code where that cannot be."""
    for act in _last_acts:
        with suppress(Exception):
            act()
    signal.signal(signum, signal.SIG_DFL)
    if os.getpid() != 1:
        os.kill(os.getpid(), signum)
    os._exit(128 + signum)
