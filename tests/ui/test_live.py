"""The live view on a real terminal: what the screen shows is what was meant."""

import re

import pytest
from msgspec.structs import replace

from notifyws.events import Connected, Gap
from notifyws.ui.footer import Status
from notifyws.ui.live import LiveView
from tests.ui.helpers import COLOUR, LINKED, PLAIN, Terminal, note, seen_on, trip
from tests.ui.test_footer import UP

GAP = Gap("2024-01-15T10:30:00Z", "2024-01-15T10:31:05Z", "server cannot replay")


@pytest.fixture
def terminal(request):
    made = Terminal(*getattr(request, "param", (80, 24)))
    yield made
    made.close()


class Paper:
    """A screen that remembers each write and has room when told so."""

    def __init__(self):
        self.writes = []
        self.room = True

    async def write(self, data):
        self.writes.append(data.decode())

    def write_now(self, data, *, patience=0.0):
        if self.room or patience:
            self.writes.append(data.decode())
        return self.room


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def view_on_paper(theme=PLAIN, status=UP, width=80):
    paper, clock = Paper(), Clock()
    view = LiveView(theme, paper, lambda: [status], width=lambda: width, now=clock)
    view.start()
    return view, paper, clock


@pytest.mark.parametrize("terminal", [(40, 24), (80, 24), (200, 50)], indirect=True)
async def test_notifications_scroll_above_one_footer_line(terminal):
    async with terminal.showing(LINKED, UP, now=lambda: 753.0) as view:
        await view.show([trip(), GAP])
        await view.show([note(title="Second")])
        view.tick()
    screen = terminal.screen()
    lines = [line for line in seen_on(screen) if line]
    assert lines[0].startswith("10:30:00 ℹ Trip Started")
    assert lines[-2] == "10:30:00 • Second  note"
    assert re.match("🟢 Connected  .*user 42 · 128 received", lines[-1])
    assert sum("Connected" in line for line in lines) == 1
    assert screen.cursor.hidden
    view.stop()
    screen = terminal.screen()
    assert not any("Connected" in line for line in seen_on(screen))
    assert not screen.cursor.hidden
    assert screen.cursor.x == 0
    assert not screen.cursor.attrs.bold


@pytest.mark.parametrize("terminal", [(40, 10), (80, 24), (200, 50)], indirect=True)
async def test_the_scrollback_has_every_notification_once(terminal):
    async with terminal.showing(COLOUR, UP) as view:
        for start in range(0, 1200, 300):
            await view.show([note(title=f"No {i}") for i in range(start, start + 300)])
            view.tick()
        view.stop()
    titles = [line.split()[3] for line in seen_on(terminal.screen()) if line]
    assert titles == [str(i) for i in range(1200)]


@pytest.mark.parametrize("terminal", [(5, 10), (12, 10)], indirect=True)
async def test_a_tiny_terminal_is_no_trouble(terminal):
    async with terminal.showing(COLOUR, UP) as view:
        await view.show([trip(), GAP])
        view.tick()
    assert sum("🟢" in line for line in seen_on(terminal.screen())) == 1
    view.stop()
    assert not any("🟢" in line for line in seen_on(terminal.screen()))


async def test_without_colour_only_the_cursor_is_moved(terminal):
    async with terminal.showing(PLAIN, UP) as view:
        await view.show([trip()])
        view.stop()
    terminal.drain()
    escapes = set(re.findall(r"\x1b(?:\[[?0-9]*[A-Za-z]|\\)", terminal.data.decode()))
    ours = {"\x1b[?25l", "\x1b[J", "\x1b\\", "\x1b[0m", "\x1b[?25h"}
    assert escapes == ours | {"\x1b[?7l", "\x1b[?7h"}
    assert terminal.data.count(b"\x1b[0m") == 1


async def test_a_dumb_terminal_gets_lines_and_no_escape(terminal):
    async with terminal.showing(replace(PLAIN, cursor=False), UP) as view:
        await view.show([Connected("wss://h", "42"), trip()])
        view.tick()
        view.stop()
    terminal.drain()
    assert b"\x1b" not in terminal.data
    assert terminal.data.startswith(b"Connected to h as user 42\r\n10:30:00 ")


async def test_a_burst_is_one_write():
    view, paper, _ = view_on_paper()
    await view.show([trip(title=f"No {n}") for n in range(100)])
    assert len(paper.writes) == 2
    assert paper.writes[1].count("View Trip") == 100
    await view.show([trip(title=f"No {n}") for n in range(1000)])
    assert len(paper.writes) == 2 + 10
    await view.show([])
    assert len(paper.writes) == 2 + 10


async def test_the_footer_is_made_anew_four_times_a_second_at_most():
    asked = []
    paper, clock = Paper(), Clock()

    def status():
        asked.append(1)
        return UP

    view = LiveView(PLAIN, paper, lambda: [status()], width=lambda: 80, now=clock)
    view.start()
    for moment in range(100):
        clock.now = moment / 100
        await view.show([note()])
    assert len(asked) <= 5


def test_a_tick_repaints_what_has_changed_once_there_is_room():
    waiting = Status("reconnecting", attempt=1, retry_at=4.0)
    view, paper, clock = view_on_paper(status=waiting)
    view.tick()
    assert len(paper.writes) == 1
    paper.room, clock.now = False, 1.0
    view.tick()
    assert len(paper.writes) == 1
    paper.room = True
    view.tick()
    assert "Reconnecting in 3 s" in paper.writes[1]


def test_stopping_twice_or_before_the_start_writes_nothing():
    paper = Paper()
    view = LiveView(PLAIN, paper, lambda: [UP], width=lambda: 80)
    view.stop()
    assert paper.writes == []
    view.start()
    view.stop()
    view.stop()
    view.tick()
    assert len(paper.writes) == 2


async def test_what_is_typed_stands_above_the_footer_with_the_cursor_in_it(terminal):
    async with terminal.showing(COLOUR, UP) as view:
        view.ask("filter: ty", "pe")
        await view.show([note(title="Second")])
    screen = terminal.screen()
    lines = [line for line in seen_on(screen) if line]
    assert lines[:2] == ["10:30:00 • Second  note", "filter: type"]
    assert lines[2].startswith("🟢 Connected")
    assert (screen.cursor.x, screen.cursor.y, screen.cursor.hidden) == (10, 1, False)
    view.asked()
    screen = terminal.screen()
    lines = [line for line in seen_on(screen) if line]
    assert len(lines) == 2
    assert (screen.cursor.x, screen.cursor.y, screen.cursor.hidden) == (0, 1, True)


def test_of_a_long_typed_line_the_end_is_seen():
    view, paper, _ = view_on_paper(width=20)
    view.ask("filter: 0123456789abcdefghijklmnop", "")
    assert paper.writes[-1].startswith("\r\x1b[J89abcdefghijklmnop\n")
    view.ask("filter: ", "0123456789abcdefghijklmnop")
    assert paper.writes[-1].startswith("\r\x1b[Jfilter: 0123456789…\n")


@pytest.mark.parametrize("width", [1, 2, 3])
def test_where_nothing_can_be_seen_something_can_be_typed(width):
    view, paper, _ = view_on_paper(width=width)
    view.ask("filter: 漢字", "x")
    assert len(paper.writes) == 2


async def test_words_of_our_own_are_wrapped():
    view, paper, _ = view_on_paper(width=12)
    await view.say("p pause d data")
    assert "p pause d\ndata\n" in paper.writes[-1]


def test_a_resized_terminal_is_drawn_anew_once_there_is_room():
    view, paper, _ = view_on_paper()
    paper.room = False
    view.redraw()
    paper.room = True
    view.tick()
    assert len(paper.writes) == 2


async def test_how_things_look_can_change_meanwhile():
    view, paper, _ = view_on_paper()
    view.scroll.theme = replace(view.scroll.theme, verbose=True)
    await view.show([trip()])
    assert '{"tripId": "123"}' in paper.writes[-1]
    assert view.scroll.last_link == "https://ws.example.com/trips/123"


@pytest.mark.parametrize("terminal", [(40, 12), (80, 24)], indirect=True)
async def test_notifications_scroll_above_a_line_for_each_server(terminal):
    work, home = (replace(UP, server=(name, "")) for name in ("work", "home"))
    async with terminal.showing(LINKED, work, home, now=lambda: 753.0) as view:
        for number in range(20):
            await view.show([note(title=f"note {number}")])
        view.ask("filter: a", "b")
        view.tick()
    screen = terminal.screen()
    lines = [line for line in seen_on(screen) if line]
    assert lines[-4].endswith("note 19  note")
    assert lines[-3] == "filter: ab"
    assert [line[:8] for line in lines[-2:]] == ["🟢 work  ", "🟢 home  "]
    assert sum("Connected" in line for line in lines) == 2
    assert (screen.cursor.x, screen.display[screen.cursor.y][:9]) == (9, "filter: a")
    view.asked()
    view.stop()
    screen = terminal.screen()
    left = [line for line in seen_on(screen) if line]
    assert (len(left), left[-1]) == (20, "10:30:00 • note 19  note")
    assert not screen.cursor.hidden
