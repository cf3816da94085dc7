"""How far it is: one line that fits, gone in the end, seldom drawn."""

import pytest
from rich.cells import cell_len

from notifyws.ui.progress import Progress
from tests.ui.helpers import COLOUR, PLAIN
from tests.ui.test_live import Clock


def progress(theme=PLAIN, total=None, width=80):
    return Progress(theme, total, Clock(), lambda: width)


def test_where_nobody_would_see_it_nothing_is_drawn(capfd):
    shown = progress(theme=None, total=10)
    shown.read(10)
    shown.sent(1)
    shown.say("words")
    assert capfd.readouterr() == ("", "words\n")


@pytest.mark.parametrize(
    ("share", "width", "line"),
    [
        (50, 80, f"{'━' * 12}{' ' * 12}  50% 0 messages, 0/s"),
        (100, 80, f"{'━' * 24} 100% 0 messages, 0/s"),
        (50, 45, " 50% 0 messages, 0/s"),
        (50, 10, " 50% 0 me"),
        (0, 80, "0 messages, 0/s"),
    ],
)
def test_it_is_one_line_that_fits(share, width, line, capfd):
    progress(total=100 if share else None, width=width).read(share)
    assert capfd.readouterr().err == f"\r{line}\x1b[K"
    assert cell_len(line) < width


def test_in_colour_it_shows_what_is_still_to_come(capfd):
    progress(COLOUR, 100).read(50)
    done, left = "\x1b[32m━━━━━━━━━━━━\x1b[0m", "\x1b[90m━━━━━━━━━━━\x1b[0m"
    drawn = capfd.readouterr().err
    assert done in drawn
    assert left in drawn


def test_it_lets_words_through_and_is_gone_at_the_end(capfd):
    shown = progress()
    shown.warn("before it")
    shown.read(50)
    shown.warn("it is late")
    shown.end()
    shown.say("after it")
    shown.end()
    drawn = "\r0 messages, 0/s\x1b[K"
    late = f"{drawn}\r\x1b[Kwarning: it is late\n{drawn}\r\x1b[K"
    assert capfd.readouterr().err == f"warning: before it\n{late}after it\n"


def test_it_is_drawn_ten_times_a_second_at_most_and_never_hides_the_cursor(capfd):
    shown = progress()
    for tenth in range(3):
        for _ in range(100):
            shown._now.now = tenth / 10
            shown.sent(1)
    drawn = capfd.readouterr().err.split("\x1b[K")
    said = [(1, 10), (101, 1010), (201, 1005)]
    assert drawn[:-1] == [f"\r{n:,} messages, {r:,}/s" for n, r in said]
    assert "\x1b[?25l" not in "".join(drawn)
