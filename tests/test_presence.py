"""The terminal is taken while it is ours, and given back as it was found."""

import asyncio
import os
import pty
import signal
import termios

import pytest

from notifyws.ui.live import LiveView
from notifyws.ui.terminal_session import TerminalSession
from tests.ui.helpers import PLAIN, run
from tests.ui.test_footer import UP
from tests.ui.test_live import Paper


class Stage:
    """A presence on a terminal of which we are no job, so that it is always ours."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.paper, self.pressed = Paper(), []
        self.view = LiveView(PLAIN, self.paper, lambda: UP, width=lambda: 80)
        self.terminal_session = TerminalSession(
            self.view, self.pressed.append, keys=self.slave, drawn_on=self.slave
        )

    def close(self):
        os.close(self.slave)
        os.close(self.master)

    async def pressing(self, keys, count):
        os.write(self.master, keys)
        while len(self.pressed) < count:
            await asyncio.sleep(0)


@pytest.fixture
def stage():
    made = Stage()
    yield made
    made.close()


def test_keys_come_one_by_one_and_are_not_echoed(stage):
    async def story():
        stage.terminal_session.begin()
        await stage.pressing(b"p\x1b[Dq", 3)
        assert not termios.tcgetattr(stage.slave)[3] & (termios.ECHO | termios.ICANON)
        assert termios.tcgetattr(stage.slave)[3] & termios.ISIG
        stage.terminal_session.end()

    run(story())
    assert stage.pressed == ["p", "left", "q"]
    assert termios.tcgetattr(stage.slave) == stage.before


def test_ending_twice_or_without_a_loop_is_no_trouble(stage):
    async def story():
        stage.terminal_session.begin()

    run(story())
    stage.terminal_session.end()
    stage.terminal_session.end()
    assert termios.tcgetattr(stage.slave) == stage.before


def test_a_changed_size_is_drawn_at_once(stage):
    async def story():
        stage.terminal_session.begin()
        drawn = len(stage.paper.writes)
        os.kill(os.getpid(), signal.SIGWINCH)
        while len(stage.paper.writes) == drawn:
            await asyncio.sleep(0)
        stage.terminal_session.end()

    run(story())


def test_who_is_continued_takes_the_terminal_anew(stage):
    async def story():
        stage.terminal_session.begin()
        termios.tcsetattr(stage.slave, termios.TCSANOW, stage.before)
        os.kill(os.getpid(), signal.SIGCONT)
        while termios.tcgetattr(stage.slave)[3] & termios.ICANON:
            await asyncio.sleep(0)
        stage.terminal_session.end()

    run(story())
    assert termios.tcgetattr(stage.slave) == stage.before


def test_signals_that_were_ignored_stay_ignored(stage):
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)

    async def story():
        stage.terminal_session.begin()
        assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
        stage.terminal_session.end()

    try:
        run(story())
    finally:
        signal.signal(signal.SIGTSTP, before)


def test_without_keys_nothing_is_changed(stage):
    async def story():
        terminal_session = TerminalSession(
            stage.view, stage.pressed.append, keys=None, drawn_on=stage.slave
        )
        terminal_session.begin()
        assert termios.tcgetattr(stage.slave) == stage.before
        terminal_session.end()

    run(story())


def test_a_terminal_that_hangs_up_sends_no_more_keys(stage):
    async def story():
        stage.terminal_session.begin()
        os.close(stage.master)
        for _ in range(5):
            await asyncio.sleep(0)
        stage.terminal_session.end()

    run(story())
    stage.master = os.open(os.devnull, os.O_RDONLY)
    assert stage.pressed == []
