"""Whether the terminal is ours: at the start, when suspended, in the background.

While it is, keys are read one by one and not echoed, and the live view has its
footer. It is given back as it was found, whatever ends us but a crash or SIGKILL. A
job in the background neither reads nor draws a footer: notifications are lines like
any other.
"""

from __future__ import annotations

import asyncio
import os
import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from notifyws.cli.process import die_by
from notifyws.ui.keys import KeyReader
from notifyws.ui.live import LiveView
from notifyws.ui.output import in_front

__all__ = ["TerminalSession"]

_CONTROL = 6
"""Where the special characters stand among a terminal's attributes."""


class TerminalSession:
    """Takes the terminal when it is ours, and gives it back.

    Args:
        view: what is drawn there.
        press: is told each key.
        keys: the terminal that keys come from; ``None`` for no keys.
        drawn_on: the terminal that the view is drawn on.
    """

    def __init__(
        self,
        view: LiveView,
        press: Callable[[str], None],
        *,
        keys: int | None,
        drawn_on: int,
    ) -> None:
        self._view = view
        self._press = press
        self._keys = keys
        self._drawn_on = drawn_on
        self._reader = KeyReader()
        self._found: list[Any] | None = None
        self._ours = False

    def begin(self) -> None:
        """Take the terminal if it is ours, and see what becomes of it."""
        loop = asyncio.get_running_loop()
        for signum, react in self._signals():
            if signal.getsignal(signum) is not signal.SIG_IGN:
                loop.add_signal_handler(signum, react)
        self.look()

    def end(self) -> None:
        """Give the terminal back; nothing is watched any more."""
        self._give_back()
        with suppress(RuntimeError):  # no loop runs when a second signal ends us
            loop = asyncio.get_running_loop()
            for signum, _ in self._signals():
                loop.remove_signal_handler(signum)

    def look(self) -> None:
        """See whether the terminal is ours by now, and act on it."""
        ours = in_front(self._drawn_on)
        if ours and not self._ours:
            self._take()
        elif self._ours and not ours:
            self._give_back()

    def _signals(self) -> list[tuple[signal.Signals, Callable[[], None]]]:
        return [
            (signal.SIGWINCH, self._view.redraw),
            (signal.SIGTSTP, self._suspend),
            (signal.SIGCONT, self._resume),
            (signal.SIGQUIT, lambda: die_by(signal.SIGQUIT)),
        ]

    def _take(self) -> None:
        self._ours = True
        if self._keys is not None:
            with suppress(termios.error), _undisturbed():
                self._found = termios.tcgetattr(self._keys)
                _read_by_key(self._keys)
                asyncio.get_running_loop().add_reader(self._keys, self._read)
        self._view.start()

    def _give_back(self) -> None:
        if not self._ours:
            return
        self._ours = False
        if self._keys is not None and self._found is not None:
            with suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(self._keys)
        if not in_front(self._drawn_on):  # changing it would stop us, too
            self._view.abandon()
            return
        self._view.stop()
        if self._keys is not None and self._found is not None:
            with suppress(termios.error), _undisturbed():
                termios.tcsetattr(self._keys, termios.TCSANOW, self._found)

    def _suspend(self) -> None:
        """Stop as Ctrl-Z wants it, with the terminal as a shell expects it."""
        self._give_back()
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTSTP)
        os.kill(os.getpid(), signal.SIGTSTP)  # returns when we are continued
        loop.add_signal_handler(signal.SIGTSTP, self._suspend)

    def _resume(self) -> None:
        """Take the terminal anew: whoever had it meanwhile left it as they liked."""
        self._give_back()
        self.look()

    def _read(self) -> None:
        if not in_front(self._drawn_on):  # reading would stop us
            self._give_back()
            return
        assert self._keys is not None
        try:
            data = os.read(self._keys, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._keys)
        for key in self._reader.feed(data):
            self._press(key)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Change a terminal without being stopped for it.

    The shell may take it back at any moment: as soon as the leader of our job has
    stopped, whatever we still have to do. Being stopped there, once more and late,
    would leave us so when the job goes on.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _read_by_key(fd: int) -> None:
    """Have a terminal hand over keys at once and silently; Ctrl-C still is a signal."""
    attributes = termios.tcgetattr(fd)
    attributes[3] &= ~(termios.ECHO | termios.ICANON)
    attributes[_CONTROL][termios.VMIN] = 1
    attributes[_CONTROL][termios.VTIME] = 0
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
