"""The terminal is taken while it is ours, and given back as it was found."""

import asyncio
import os
import pty
import signal
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.ui.live import LiveView
from notifyws.ui.terminal_session import KeyReader, TerminalSession
from tests.support.virtual import turns
from tests.ui.helpers import PLAIN
from tests.ui.test_footer import UP
from tests.ui.test_live import Paper


class Scene:
    """A session on a terminal of which we are no job, so that it is always ours."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.paper, self.pressed = Paper(), []
        self.view = LiveView(PLAIN, self.paper, lambda: [UP], width=lambda: 80)
        self.session = TerminalSession(
            self.view, self.pressed.extend, keys=self.slave, drawn_on=self.slave
        )

    def close(self):
        os.close(self.slave)
        os.close(self.master)

    async def pressing(self, keys, count):
        os.write(self.master, keys)
        while len(self.pressed) < count:
            await asyncio.sleep(0)


@pytest.fixture
def scene():
    made = Scene()
    yield made
    made.close()


async def test_keys_come_one_by_one_and_are_not_echoed(scene):
    scene.session.begin()
    await scene.pressing(b"p\x1b[Dq", 3)
    assert not termios.tcgetattr(scene.slave)[3] & (termios.ECHO | termios.ICANON)
    assert termios.tcgetattr(scene.slave)[3] & termios.ISIG
    scene.session.end()
    assert scene.pressed == ["p", "left", "q"]
    assert termios.tcgetattr(scene.slave) == scene.before


def test_ending_twice_or_without_a_loop_is_no_trouble(scene):
    async def story():
        scene.session.begin()

    asyncio.run(story())
    scene.session.end()
    scene.session.end()
    assert termios.tcgetattr(scene.slave) == scene.before


async def test_a_changed_size_is_drawn_at_once(scene):
    scene.session.begin()
    drawn = len(scene.paper.writes)
    os.kill(os.getpid(), signal.SIGWINCH)
    while len(scene.paper.writes) == drawn:
        await asyncio.sleep(0)
    scene.session.end()


async def test_who_is_continued_takes_the_terminal_anew(scene):
    scene.session.begin()
    termios.tcsetattr(scene.slave, termios.TCSANOW, scene.before)
    os.kill(os.getpid(), signal.SIGCONT)
    while termios.tcgetattr(scene.slave)[3] & termios.ICANON:
        await asyncio.sleep(0)
    scene.session.end()
    assert termios.tcgetattr(scene.slave) == scene.before


async def test_signals_that_were_ignored_stay_ignored(scene):
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        scene.session.begin()
        assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
        scene.session.end()
    finally:
        signal.signal(signal.SIGTSTP, before)


async def test_without_keys_nothing_is_changed(scene):
    session = TerminalSession(
        scene.view, scene.pressed.append, keys=None, drawn_on=scene.slave
    )
    session.begin()
    assert termios.tcgetattr(scene.slave) == scene.before
    session.end()


async def test_a_terminal_that_hangs_up_sends_no_more_keys(scene):
    scene.session.begin()
    os.close(scene.master)
    await turns()
    scene.session.end()
    scene.master = os.open(os.devnull, os.O_RDONLY)
    assert scene.pressed == []


def keys(*pieces):
    reader = KeyReader()
    return [key for piece in pieces for key in reader.feed(piece)]


UNASKED = (
    *(b"\x1b[15~", b"\x1b[1;5C", b"\x1bx", b"\x1bOP"),
    *(b"\x1b[<0;3;4M", b"\x1b[?1;2c"),
)


@pytest.mark.parametrize(
    ("sent", "pressed"),
    [
        (b"p/d", "p / d"),
        (b"\r\n", "enter enter"),
        (b"\x7f\x08", "backspace backspace"),
        (b"\x1b[D\x1bOC", "left right"),
        (b"\x1b[1~\x1b[4~\x1b[3~", "home end delete"),
        (b"\x15\x17\x0c", "clear word redraw"),
        (b"\x1b", "escape"),
        (b"\x1b\x1b", "escape escape"),
        ("ü漢".encode(), "ü 漢"),
        (b"\xff\x00\x07\t", ""),
        (b"\x1b[200~type\x1b[201~", "t y p e"),  # a paste
        *((sent + b"q", "q") for sent in UNASKED),
    ],
)
def test_a_key_has_a_name_and_what_nobody_asked_for_is_nothing(sent, pressed):
    assert keys(sent) == pressed.split()
    assert keys(sent[:1], sent[1:]) == pressed.split() or b"\x1b" in sent


@given(st.lists(st.binary()))
def test_no_bytes_break_it(pieces):
    assert all(key.isprintable() and key for key in keys(*pieces))
