"""What scrolls by: cards readable from 5 columns to 200, nothing twice in a row."""

import time
from datetime import date

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from notifyws.config.settings import Settings, TypeStyle
from notifyws.events import Connected, Failure, Gap
from notifyws.ui.cards import new_day
from notifyws.ui.scroll import Scroll
from tests.ui.helpers import COLOUR, LINKED, PLAIN, note, screen_of, trip

LOUD = replace(PLAIN, verbose=True)
LONG = "The driver is two minutes away and waits at the corner of the street"
GAP = Gap("2024-01-15T10:30:00Z", "2024-01-15T10:31:05Z", "server cannot replay")


def text(item, theme=PLAIN, width=80, times=1):
    return "".join(map(theme.page, Scroll(theme).pages([item] * times, width)))


def rows(item, width=80, theme=PLAIN):
    return text(item, theme, width).splitlines()


def test_a_card_has_its_title_beside_the_time_and_the_rest_below():
    assert rows(trip()) == [
        "10:30:00 ℹ Trip Started  trip_update",
        "           Your driver has started the trip",
        "           View Trip → https://ws.example.com/trips/123",
    ]


def test_a_message_hangs_under_the_title():
    assert rows(note(message=LONG), 40) == [
        "10:30:00 • note",
        "           The driver is two minutes",
        "           away and waits at the corner",
        "           of the street",
    ]


@pytest.mark.parametrize("theme", [PLAIN, LOUD])
def test_data_that_is_plain_text_is_shown_once_as_the_message(theme):
    shown = ["10:30:00 • note", "           hello", "           world"]
    assert rows(note(data="hello\nworld"), theme=theme) == shown
    both = [note(data="hello"), note(data="world")]
    assert "×" not in "".join(map(theme.page, Scroll(theme).pages(both, 80)))


def test_a_url_that_does_not_fit_keeps_in_one_piece():
    assert rows(trip(message=""), 40) == [
        "10:30:00 ℹ Trip Started  trip_update",
        "           View Trip →",
        "  https://ws.example.com/trips/123",
    ]
    assert rows(trip(message=""), 30)[-1] == "https://ws.example.com/trips/123"


def test_a_narrow_terminal_gets_no_time():
    assert rows(note(title="Trip"), 20) == ["• Trip  note"]
    assert rows(note(title="Trips", message="a b"), 5) == ["• Tri", "  ps", "  a b"]


def test_a_wide_terminal_keeps_lines_that_can_be_read():
    assert max(map(len, rows(note(message=f"{LONG} " * 20), 200))) <= 110


def test_a_title_is_bold_and_a_mark_has_its_colour():
    line = screen_of(text(trip(), COLOUR).encode()).buffer[0]
    assert line[11].bold
    assert line[9].fg == "blue"


def test_a_label_is_a_hyperlink_where_terminals_know_them():
    drawn = text(trip(), LINKED)
    assert ";https://ws.example.com/trips/123\x1b\\\x1b[4;34mView Trip" in drawn
    shown = screen_of(drawn.replace("\n", "\r\n").encode()).display
    assert shown[1].rstrip() == " " * 11 + "Your driver has started the trip  View Trip"
    assert not shown[2].strip()
    alone = text(trip(message=""), LINKED)
    assert "View Trip" in alone.splitlines()[1]


def test_a_link_that_leads_nowhere_is_text():
    drawn = text(note(link="javascript:alert(1)"), LINKED)
    assert "View: javascript:alert(1)" in drawn
    assert "\x1b]8" not in drawn


def test_markup_and_emoji_codes_are_printed_as_they_are():
    nasty = "[bold red]x[/] [/] :smile: \\"
    assert nasty in text(note(title=nasty, message=nasty), width=120)


def test_data_is_shown_when_asked_for():
    data = {"a": "ü\x1b[2J", "b": [1]}
    assert rows(note(data=data), theme=LOUD)[1:] == [
        '           {"a": "ü\\u001b[2J", "b": [1]}'
    ]
    assert rows(note(data=data), 36, theme=LOUD)[1:] == [
        "           {",
        '             "a": "ü\\u001b[2J",',
        '             "b": [',
        "               1",
        "             ]",
        "           }",
    ]
    assert rows(note(data=None), theme=LOUD) == ["10:30:00 • note"]


def nested(depth=100_000):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("data", [nested(), [1] * 1_000_000, [[1] * 999] * 999])
def test_of_data_without_end_the_beginning_is_shown_at_once(data):
    start = time.process_time()
    shown = rows(note(data=data), theme=LOUD)
    assert time.process_time() - start < 0.2
    assert (len(shown), shown[1].strip()) == (62, "[")
    assert "lines more" in shown[-1]


def test_no_more_of_many_lines_is_wrapped_than_is_shown():
    start = time.process_time()
    for _ in range(20):
        shown = rows(note(message="a\n" * 2040))  # as long as a text may be
    assert time.process_time() - start < 0.4
    assert (len(shown), shown[-1].strip()) == (62, "… (1,980 lines more)")


def test_a_gap_is_a_line_across_the_screen():
    (line,) = rows(GAP, 120)
    assert line.startswith("── Gap of 65 s: notifications between 10:30:00 and")
    assert line.endswith("may have been missed (server cannot replay) ──────")
    assert len(line) == 110
    assert len(rows(GAP, 40)) == 3
    assert all(len(line) <= 40 for line in rows(GAP, 40))


def test_what_came_often_says_so_beside_its_title():
    assert text(trip(), times=12).splitlines()[0] == (
        "10:30:00 ℹ Trip Started  ×12  trip_update"
    )
    assert text(note(), times=1200).splitlines() == ["10:30:00 • note  ×1,200"]
    bad = Failure("invalid_message", "not JSON")
    assert text(bad, times=3) == "⚠ Invalid message: not JSON  ×3\n"


def test_a_day_begins_with_a_line_across_the_screen():
    ((line,),) = new_day(date(2024, 1, 5), 40)
    assert line.text == "── Friday, 5 January 2024 ──────────────"


def test_a_failure_is_said_and_a_state_is_left_to_the_footer():
    bad = Failure("invalid_message", "not JSON: \x1b[2J{")
    assert rows(bad) == ["⚠ Invalid message: not JSON: {"]
    assert rows(Connected("wss://h")) == []
    dumb = replace(PLAIN, cursor=False)
    assert rows(Connected("wss://h"), theme=dumb) == ["Connected to h"]


ITEMS = [trip(), note(title="漢字" * 30, message="👋 " * 40, link="x"), note(), GAP]


@pytest.mark.parametrize("width", [1, 5, 12, 23, 24, 40, 80, 200])
def test_only_urls_are_wider_than_the_terminal(width):
    for item in [*ITEMS, Failure("server_error", LONG)]:
        for line in rows(item, width):
            assert cell_len(line) <= max(width, 4) or "http" in line


def test_where_the_locale_is_c_everything_is_ascii():
    theme = replace(PLAIN, utf8=False)
    sent = theme.encode("".join(text(item, theme) for item in ITEMS))
    assert sent.isascii()
    assert b"10:30:00 * Trip Started" in sent


def test_an_unknown_mark_is_no_trouble():
    theme = replace(PLAIN, settings=Settings(styles={"note": TypeStyle("", "puce")}))
    assert rows(note(), theme=theme) == ["10:30:00  note"]


def test_marks_and_labels_of_a_strangers_profile_are_text():
    """A profile is a file that somebody else may have written."""
    style = TypeStyle("\x1b]0;x\x07!", "red", "\x1b[31mLook", "/x")
    theme = replace(PLAIN, settings=Settings(styles={"note": style}))
    shown = "".join(rows(note(), theme=theme))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "Look" in shown


def at(day, **fields):
    return note(timestamp=f"2024-01-{day:02}T10:30:00Z", **fields)


def lines(*bursts, theme=PLAIN, today=None):
    scroll = Scroll(theme, today)
    rows = [row for b in bursts for some in scroll.pages(b, 80) for row in some]
    return theme.page(rows).splitlines()


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


@pytest.mark.parametrize(
    ("bursts", "theme", "cards"),
    [
        ([[at(15)], [at(15)]], PLAIN, 2),
        ([[at(15), note(timestamp="2024-01-15T10:31:00Z")]], PLAIN, 2),
        ([[at(15, title=1), at(15, title=True)]], PLAIN, 2),
        ([[at(15, data={"n": 1}), at(15, data={"n": 2})]], PLAIN, 1),
        ([[at(15, data={"n": 1}), at(15, data={"n": 2})]], LOUD, 2),
        ([[at(15, data=nested()), at(15, data=nested())]], LOUD, 2),
    ],
    ids=["bursts", "minutes", "a truth", "unseen data", "data", "too deep"],
)
def test_what_differs_is_drawn_each(bursts, theme, cards):
    shown = lines(*bursts, theme=theme)
    assert sum("10:3" in line for line in shown) == cards


def test_a_large_burst_comes_in_pages():
    burst = [at(15, title=str(n)) for n in range(250)]
    pages = Scroll(PLAIN).pages(burst, 80)
    assert [len(rows) for rows in pages] == [100, 100, 50]


def test_the_last_link_is_remembered():
    scroll = Scroll(PLAIN)
    assert scroll.last_link is None
    assert list(scroll.pages([trip(), note()], 80))
    assert scroll.last_link == "https://ws.example.com/trips/123"


def theme_of(*names, **facts):
    servers = {
        name: Settings(url=f"wss://{name.partition('-')[0]}.example") for name in names
    }
    return replace(PLAIN, **facts).among(servers)


def test_of_several_servers_each_card_names_its_own_and_links_to_it():
    theme = theme_of("work", "home-2")
    assert rows(replace(trip(), server="home-2"), theme=theme) == [
        "10:30:00 ℹ home-2 │ Trip Started  trip_update",
        "           Your driver has started the trip",
        "           View Trip → https://home.example/trips/123",
    ]
    assert rows(replace(note(), server="work"), theme=theme) == [
        "10:30:00 • work   │ note"
    ]


def test_on_a_narrow_screen_a_servers_name_takes_little_of_it():
    theme = theme_of("production-of-all-things")
    wide = rows(replace(note(), server="production-of-all-things"), theme=theme)
    assert wide == ["10:30:00 • production-of-all-th │ note"]
    card = replace(note(title=LONG), server="production-of-all-things")
    assert rows(card, 40, theme)[0] == "10:30:00 • product… │ The driver is two"
    assert all(cell_len(row) <= 40 for row in rows(card, 40, theme))


def test_what_looks_alike_of_two_servers_is_drawn_twice():
    theme = theme_of("work", "home")
    burst = [replace(note(), server=name) for name in ("work", "home", "home")]
    assert lines(burst, theme=theme) == [
        "10:30:00 • work │ note",
        "10:30:00 • home │ note  ×2",
    ]


def test_each_server_has_a_colour_of_its_own():
    theme = replace(theme_of("work", "home"), colour=True)
    colours = {label.colour for label in theme.servers.values()}
    assert len(colours) == 2
    assert "\x1b[36mwork\x1b[0m" in text(replace(note(), server="work"), theme)
