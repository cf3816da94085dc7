"""What scrolls by: a line where a day begins, and nothing twice in a row."""

from datetime import date

from msgspec.structs import replace

from notifyws.events import Failure
from notifyws.ui.rows import page
from notifyws.ui.scroll import Scroll
from tests.ui.helpers import PLAIN, note, trip

LOUD = replace(PLAIN, verbose=True)


def at(day, **fields):
    return note(timestamp=f"2024-01-{day:02}T10:30:00Z", **fields)


def lines(*bursts, look=PLAIN, today=None):
    scroll = Scroll(look, today)
    rows = [row for b in bursts for some in scroll.pages(b, 80) for row in some]
    return look.draw(page(rows)).splitlines()


def test_a_day_is_said_above_its_first_card():
    assert lines([at(15, title="a"), at(15, title="b")], [at(16)]) == [
        "10:30:00 • a  note",
        "10:30:00 • b  note",
        f"── Tuesday, 16 January 2024 {'─' * 52}",
        "10:30:00 • note",
    ]


def test_today_needs_no_line_and_an_older_card_has_one():
    assert lines([at(15)], today=date(2024, 1, 15)) == ["10:30:00 • note"]
    assert "15 January 2024" in lines([at(15)], today=date(2024, 1, 16))[0]


def test_a_card_without_a_day_begins_none():
    odd = [replace(note(timestamp="soon", title="a"), received="later"), at(15)]
    assert lines(odd, today=date(2024, 1, 15)) == ["later • a  note", "10:30:00 • note"]


def test_what_looks_alike_and_comes_in_a_row_is_drawn_once():
    burst = [at(15, title="a", id=n) for n in range(12)]
    assert lines([*burst, at(15, title="b"), *burst[:1]]) == [
        "10:30:00 • a  ×12  note",
        "10:30:00 • b  note",
        "10:30:00 • a  note",
    ]


def test_bursts_are_not_folded_into_each_other():
    assert len(lines([at(15)], [at(15)])) == 2


def test_what_happened_in_another_minute_is_not_folded():
    burst = [at(15), note(timestamp="2024-01-15T10:31:00Z"), at(16)]
    assert len(lines(burst)) == 4


def test_data_counts_when_it_is_shown():
    burst = [trip(data={"n": 1}), trip(data={"n": 2})]
    assert "×2" in lines(burst)[0]
    assert sum("Trip Started" in line for line in lines(burst, look=LOUD)) == 2


def test_a_number_is_not_a_truth():
    assert len(lines([at(15, title=1), at(15, title=True)])) == 2


def test_what_is_nested_too_deep_is_not_compared():
    one, other = [], []
    for _ in range(100_000):
        one, other = [one], [other]
    assert (
        sum(
            "note" in line
            for line in lines([at(15, data=one), at(15, data=other)], look=LOUD)
        )
        == 2
    )


def test_equal_failures_are_one_line():
    assert lines([Failure("server_error", "busy")] * 3) == ["⚠ Server error: busy  ×3"]


def test_a_large_burst_comes_in_pages():
    burst = [at(15, title=str(n)) for n in range(250)]
    pages = Scroll(PLAIN).pages(burst, 80)
    assert [len(rows) for rows in pages] == [100, 100, 50]


def test_the_last_link_is_remembered():
    scroll = Scroll(PLAIN)
    assert scroll.last_link is None
    assert list(scroll.pages([trip(), note()], 80))
    assert scroll.last_link == "https://ws.example.com/trips/123"
