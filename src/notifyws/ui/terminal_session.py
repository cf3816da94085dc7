"""Whether the terminal is ours: at the start, when suspended, in the background.

While it is, keys are read one by one and not echoed, and the live view has its
footer. It is given back as it was found, whatever ends us but a crash or SIGKILL. A
job in the background neither reads nor draws a footer: notifications are lines like
any other.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import re
import signal
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from notifyws.ui.live import LiveView
from notifyws.ui.output import in_front

_NAMES = {
    **{"\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace"},
    **{"\x01": "home", "\x05": "end", "\x02": "left", "\x06": "right"},
    **{"\x04": "delete", "\x15": "clear", "\x17": "word", "\x0c": "redraw"},
    **{"\x1b": "escape", "\x03": "escape"},
    **{"\x1b[D": "left", "\x1b[C": "right", "\x1b[H": "home", "\x1b[F": "end"},
    **{"\x1bOD": "left", "\x1bOC": "right", "\x1bOH": "home", "\x1bOF": "end"},
    **{"\x1b[1~": "home", "\x1b[4~": "end", "\x1b[3~": "delete"},
}
_KEY = r"(?s)\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~]|[^\x1b\[O])?|."


class TerminalSession:
    """Takes the terminal when it is ours, and gives it back.

    Args:
        press: takes keys that came at once.
        keys: the terminal that keys come from; ``None`` for no keys.
        drawn_on: the terminal that the view is drawn on.
    """

    def __init__(
        self,
        view: LiveView,
        press: Callable[[Sequence[str]], None],
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
        ]

    def _take(self) -> None:
        self._ours = True
        if self._keys is not None:
            with suppress(termios.error), _undisturbed():
                self._found = termios.tcgetattr(self._keys)
                tty.setcbreak(self._keys, termios.TCSANOW)  # Ctrl-C still is a signal
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
        if keys := self._reader.feed(data):
            self._press(keys)


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


class KeyReader:
    """Turns what a terminal sends into names of keys.

    A key that writes is its own character; what no one asked for (function keys,
    pastes' brackets, a mouse) is nothing.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def feed(self, data: bytes) -> list[str]:
        """Return the keys in ``data``: characters, or names as ``enter``, ``left``.

        An escape that stands alone is the key itself, since nobody waits for more.
        """
        text = self._decoder.decode(data)
        found = (_key(match[0]) for match in re.finditer(_KEY, text))
        return [key for key in found if key]


def _key(text: str) -> str:
    named = _NAMES.get(text)
    if named is not None:
        return named
    return text if len(text) == 1 and text.isprintable() else ""
