"""What the keys of the live view do."""

import asyncio
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from notifyws.protocol.expressions import LONGEST
from notifyws.ui.key_bindings import KEYS, PASTE, KeyBindings, Line, key_help
from notifyws.ui.live import LiveView
from notifyws.ui.streams import ReaderGone
from tests.ui.helpers import PLAIN, note, trip
from tests.ui.test_footer import UP
from tests.ui.test_live import Clock, Paper


class Scene:
    """Somebody at the keyboard of a view on paper."""

    def __init__(self):
        self.paper, self.clock = Paper(), Clock()
        self.opened, self.quits = [], 0
        self.browser = True
        self.view = LiveView(
            PLAIN, self.paper, lambda: [self.status], width=lambda: 200, now=self.clock
        )
        self.keys = KeyBindings(
            self.view, lambda: [UP], self.clock, self.open, self.quit
        )
        self.view.start()

    def open(self, url):
        self.opened.append(url)
        return self.browser

    def quit(self):
        self.quits += 1

    def press(self, *keys):
        for key in keys:
            self.keys.press([key])

    @property
    def drawn(self):
        return self.paper.writes[-1]

    @property
    def status(self):
        return self.keys.statuses()[0]


@pytest.fixture
def scene():
    return Scene()


async def test_p_pauses_and_resumes_and_what_waits_is_counted(scene):
    await scene.keys.resumed()
    scene.press("p")
    scene.keys.buffered = 12
    waiting = asyncio.create_task(scene.keys.resumed())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert scene.status.paused
    assert scene.status.queued == 12
    assert "paused" in scene.drawn
    scene.press("p")
    await waiting
    assert not scene.status.paused
    assert "paused" not in scene.drawn


@pytest.mark.parametrize(
    ("keys", "notice", "shown"),
    [
        ("d", "data on", True),
        ("dd", "data off", False),
        ("x", "? for the keys", False),
        ("o", "opened https://ws.example.com/trips/123", False),
    ],
)
async def test_the_footer_says_what_a_key_has_done(scene, keys, notice, shown):
    await scene.view.show([trip(), note()])
    scene.press(*keys)
    assert scene.view.scroll.theme.verbose is shown
    assert f"Connected  {notice} · " in scene.drawn
    assert scene.status == replace(UP, notice=notice)


def test_a_notice_does_not_stay(scene):
    scene.press("d")
    scene.clock.now = 3.0
    scene.view.tick()
    assert "data on" not in scene.drawn
    assert scene.status == UP


async def test_o_opens_the_last_link_where_there_are_one_and_a_browser(scene):
    scene.press("o")
    assert "no link yet" in scene.drawn
    await scene.view.show([trip(), note()])
    scene.browser = False
    scene.press("o")
    assert "no browser found: set BROWSER" in scene.drawn
    assert scene.opened == ["https://ws.example.com/trips/123"]


def test_a_filter_is_typed_and_hides_what_does_not_pass(scene):
    scene.press("/", *"title == 'a'")
    assert "filter: title == 'a'\n" in scene.drawn
    assert scene.keys.admits(note(title="b"))
    scene.press("enter")
    assert "filter:" not in scene.drawn
    assert scene.keys.admits(note(title="a"))
    assert not scene.keys.admits(note(title="b"))
    assert (scene.status.filter, scene.status.hidden) == ("title == 'a'", 1)


def test_a_filter_that_is_left_as_it_was_goes_on_counting(scene):
    scene.press("/", *"title == 'a'", "enter")
    assert not scene.keys.admits(note(title="b"))
    scene.press("/", "enter")
    assert "filter:" not in scene.drawn
    assert scene.status.hidden == 1


def test_a_filter_is_edited_and_taken_away(scene):
    scene.press("/", "x", "enter", "/", "y")
    assert "filter: xy\n" in scene.drawn
    scene.press("clear", "enter")
    assert scene.status.filter == ""
    assert scene.keys.admits(note(title="b"))


def test_escape_leaves_the_filter_as_it_was(scene):
    scene.press("/", "x", "enter", "/", "q", "escape")
    assert (scene.status.filter, scene.quits) == ("x", 0)
    assert "filter:" not in scene.drawn


def test_what_is_no_expression_is_said_and_can_be_corrected(scene):
    scene.press("/", *"a ==", "enter")
    assert "the filter is not a JMESPath expression" in scene.drawn
    assert "filter: a ==" in scene.drawn
    scene.press(*" 'b'", "enter")
    assert scene.status.filter == "a == 'b'"


def test_a_filter_that_does_not_fit_every_notification_says_so(scene):
    scene.press("/", *"contains(data, 'x')", "enter")
    assert not scene.keys.admits(note(data=1))
    assert "the filter does not fit every notification" in scene.drawn


@pytest.mark.parametrize(
    ("key", "line"), [("?", f"{key_help()}\n"), ("enter", "\r\x1b[J\n")]
)
async def test_what_a_key_says_scrolls_by_with_the_notifications(scene, key, line):
    scene.press(key)
    await asyncio.sleep(0)
    assert line in scene.drawn


async def test_words_for_a_terminal_that_is_gone_are_no_trouble(scene):
    async def gone(data):
        raise ReaderGone("stdout")

    scene.paper.write = gone
    scene.press("?")
    await asyncio.sleep(0)


def test_q_quits_and_the_screen_is_drawn_anew_when_asked(scene):
    scene.press("p", "q")
    assert scene.quits == 1
    before = len(scene.paper.writes)
    scene.press("redraw")
    assert len(scene.paper.writes) == before + 1


@pytest.mark.parametrize(
    ("text", "keys", "line"),
    [
        ("", "a b left x", Line("ax", "b")),
        ("ab", "home x end y", Line("xaby")),
        ("ab", "left right right c", Line("abc")),
        ("ab", "home left", Line("", "ab")),
        ("ab", "right", Line("ab")),
        ("ab", "backspace", Line("a")),
        ("ab", "home backspace delete", Line("", "b")),
        ("ab", "delete", Line("ab")),
        ("one two  ", "word", Line("one ")),
        ("one", "word", Line("")),
        ("ab", "clear", Line()),
        ("ab", "enter escape redraw", Line("ab")),
    ],
)
def test_a_line_is_edited_where_the_cursor_stands(text, keys, line):
    edited = Line(text)
    for key in keys.split():
        edited = edited.after(key)
    assert edited == line


def test_the_docs_tell_the_same_keys():
    page = (Path(__file__).parents[2] / "docs/live-view.md").read_text("utf-8")
    told = re.findall(
        r"^\| `?([^ `|]+)`?(?:, [^|]+)? \|", page.partition("## Keys")[2], re.M
    )
    assert [key.lower() for key in told[1:]] == [k.names[0] for k in KEYS if k.says]


def test_keys_that_come_at_once_are_drawn_once(scene):
    drawn = len(scene.paper.writes)
    scene.keys.press(["p", "d", "p", "d", "p"])
    assert len(scene.paper.writes) == drawn + 1
    assert scene.keys.paused


def test_a_paste_commands_nothing(scene):
    scene.keys.press([*"quoth the raven, ", *"pod" * PASTE])
    assert (scene.quits, scene.opened, scene.keys.paused) == (0, [], False)
    assert "? for the keys" in scene.drawn


def test_of_a_paste_into_the_filter_its_first_line_counts(scene):
    scene.press("/")
    scene.keys.press([*"type == 'a'", "enter", *"q" * PASTE])
    assert (scene.status.filter, scene.quits) == ("type == 'a'", 0)


def test_a_filter_has_an_end(scene):
    scene.press("/")
    for _ in range(3):
        scene.keys.press(["漢"] * LONGEST)
    scene.press("x", "enter")
    assert f"longer than {LONGEST}" not in scene.drawn
    assert scene.drawn.count("漢") <= 200
    assert len(Line("x" * LONGEST).after("y").text) == LONGEST
