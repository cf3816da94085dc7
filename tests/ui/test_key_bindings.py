"""What the keys of the live view do."""

import asyncio
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from notifyws.ui.key_bindings import KEYS, KeyBindings, Line, key_help
from notifyws.ui.live import LiveView
from notifyws.ui.streams import ReaderGone
from tests.ui.helpers import PLAIN, note, run, trip
from tests.ui.test_footer import UP
from tests.ui.test_live import Clock, Paper


class Desk:
    """Somebody at the keyboard of a view on paper."""

    def __init__(self, *, width=200, browser=True):
        self.paper, self.clock = Paper(), Clock()
        self.opened, self.left = [], 0
        self._browser = browser
        self.view = LiveView(
            PLAIN,
            self.paper,
            lambda: self.status,
            width=lambda: width,
            now=self.clock,
        )
        self.key_bindings = KeyBindings(
            self.view, lambda: UP, self.clock, self.open, self.leave
        )
        self.view.start()

    def open(self, url):
        self.opened.append(url)
        return self._browser

    def leave(self):
        self.left += 1

    def press(self, *keys):
        for key in keys:
            self.key_bindings.press(key)

    @property
    def drawn(self):
        return self.paper.writes[-1]

    @property
    def status(self):
        return self.key_bindings.status()


@pytest.fixture
def desk():
    return Desk()


def test_p_pauses_and_resumes_and_what_waits_is_counted(desk):
    async def story():
        await desk.key_bindings.resumed()
        desk.press("p")
        desk.key_bindings.buffered = 12
        waiting = asyncio.create_task(desk.key_bindings.resumed())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert desk.status.paused
        assert desk.status.queued == 12
        assert "paused" in desk.drawn
        desk.press("p")
        await waiting
        assert not desk.status.paused
        assert "paused" not in desk.drawn

    run(story())


def test_d_shows_data_from_then_on(desk):
    desk.press("d")
    assert desk.view.scroll.theme.verbose
    assert "data on" in desk.drawn
    desk.press("d")
    assert not desk.view.scroll.theme.verbose
    assert "data off" in desk.drawn


def test_a_notice_does_not_stay(desk):
    desk.press("d")
    desk.clock.now = 3.0
    desk.view.tick()
    assert "data on" not in desk.drawn
    assert desk.status == UP


def test_o_opens_the_last_link(desk):
    desk.press("o")
    assert "no link yet" in desk.drawn
    run(desk.view.show([trip(), note()]))
    desk.press("o")
    assert desk.opened == ["https://ws.example.com/trips/123"]
    assert "opened https://ws.example.com/trips/123" in desk.drawn


def test_o_says_when_there_is_no_browser():
    desk = Desk(browser=False)
    run(desk.view.show([trip()]))
    desk.press("o")
    assert "no browser found: set BROWSER" in desk.drawn


def test_a_filter_is_typed_and_hides_what_does_not_pass(desk):
    desk.press("/", *"title == 'a'")
    assert "filter: title == 'a'\n" in desk.drawn
    assert desk.key_bindings.admits(note(title="b"))
    desk.press("enter")
    assert "filter:" not in desk.drawn
    assert desk.key_bindings.admits(note(title="a"))
    assert not desk.key_bindings.admits(note(title="b"))
    assert (desk.status.filter, desk.status.hidden) == ("title == 'a'", 1)


def test_a_filter_is_edited_and_taken_away(desk):
    desk.press("/", "x", "enter", "/", "y")
    assert "filter: xy\n" in desk.drawn
    desk.press("clear", "enter")
    assert desk.status.filter == ""
    assert desk.key_bindings.admits(note(title="b"))


def test_escape_leaves_the_filter_as_it_was(desk):
    desk.press("/", "x", "enter", "/", "y", "escape")
    assert desk.status.filter == "x"
    assert "filter:" not in desk.drawn


def test_keys_are_letters_while_a_filter_is_typed(desk):
    desk.press("/", "q", "p")
    assert desk.left == 0
    assert "filter: qp" in desk.drawn


def test_what_is_no_expression_is_said_and_can_be_corrected(desk):
    desk.press("/", *"a ==", "enter")
    assert "the filter is not a JMESPath expression" in desk.drawn
    assert "filter: a ==" in desk.drawn
    desk.press(*" 'b'", "enter")
    assert desk.status.filter == "a == 'b'"


def test_a_filter_that_does_not_fit_every_notification_says_so(desk):
    desk.press("/", *"contains(data, 'x')", "enter")
    assert not desk.key_bindings.admits(note(data=1))
    assert "the filter does not fit every notification" in desk.drawn


def test_the_keys_are_told_among_the_notifications(desk):
    async def story():
        desk.press("?")
        await asyncio.sleep(0)

    run(story())
    assert f"{key_help()}\n" in desk.drawn


def test_enter_leaves_a_blank_line(desk):
    async def story():
        desk.press("enter")
        await asyncio.sleep(0)

    run(story())
    assert desk.drawn.startswith("\r\x1b[J\n")


def test_words_for_a_terminal_that_is_gone_are_no_trouble(desk):
    async def gone(data):
        raise ReaderGone("stdout")

    async def story():
        desk.paper.write = gone
        desk.press("?")
        await asyncio.sleep(0)

    run(story())


def test_q_quits(desk):
    desk.press("p", "q")
    assert desk.left == 1


def test_the_screen_is_drawn_anew_when_asked(desk):
    before = len(desk.paper.writes)
    desk.press("redraw")
    assert len(desk.paper.writes) == before + 1


def test_any_other_key_says_where_the_keys_are(desk):
    desk.press("x")
    assert "? for the keys" in desk.drawn
    assert replace(desk.status, notice="") == UP


def typed(*pressed, text=""):
    line = Line(text)
    for key in pressed:
        line = line.after(key)
    return line


def test_text_is_written_where_the_cursor_stands():
    assert typed("a", "b", "left", "x").text == "axb"
    assert typed("home", "x", "end", "y", text="ab").text == "xaby"
    assert typed("left", "right", "right", "c", text="ab") == Line("abc")


def test_text_is_taken_away():
    assert typed("backspace", text="ab").text == "a"
    assert typed("home", "backspace", "delete", text="ab").text == "b"
    assert typed("delete", text="ab").text == "ab"
    assert typed("word", text="one two  ").text == "one "
    assert typed("word", text="one").text == ""
    assert typed("clear", text="ab") == Line()


def test_other_keys_change_nothing():
    assert typed("enter", "escape", "redraw", text="ab") == Line("ab")


def test_the_cursor_stands_still_at_either_end():
    assert typed("home", "left", text="ab") == Line("", "ab")
    assert typed("right", text="ab") == Line("ab", "")


def test_the_docs_tell_the_same_keys():
    page = (Path(__file__).parents[2] / "docs/live-view.md").read_text("utf-8")
    told = re.findall(r"^\| `?([^ `|]+)`? \|", page.partition("## Keys")[2], re.M)
    assert [key.lower() for key in told[1:]] == [k.names[0] for k in KEYS if k.says]
