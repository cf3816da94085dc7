"""Where streams stand that a server numbers: kept, lost, and not taken too early."""

import pytest

from notifyws.protocol.places import (
    MOST,
    Places,
    fits_cookie,
    fits_header,
    fits_subprotocol,
    fits_url,
    sayable,
)
from notifyws.protocol.profile import Follow
from tests.protocol import profiled

ONE = Follow(variables={"at": "number", "session": "session"}, lost="hello")
EACH = Follow(
    variables={"at": "at", "epoch": "epoch"}, stream="channel", kept="recovered"
)


def test_a_place_is_known_once_all_of_it_was_said():
    places = Places(ONE)
    places.follow({"number": 1})
    assert places.known() == {}
    places.follow({"session": "s", "number": None})
    places.follow({"number": 2})
    assert places.known() == {"at": 2, "session": "s", "following": True}


def test_nothing_is_covered_by_a_connection_that_had_no_place_to_begin_at():
    places = Places(ONE)
    places.begin()
    places.heard({"session": "s", "number": 0})
    places.opened()
    assert not places.covers_everything


def test_a_connection_that_began_at_the_place_covers_everything():
    places = Places(ONE)
    places.follow({"session": "s", "number": 0})
    places.begin()
    places.heard({"number": 1})
    places.opened()
    assert places.covers_everything
    assert places.known()["at"] == 1


def test_the_servers_word_that_the_place_is_lost_is_heard():
    places = Places(ONE)
    places.follow({"session": "s", "number": 7})
    places.begin()
    places.heard({"hello": True, "session": "t", "number": 0})
    places.opened()
    assert not places.covers_everything
    assert places.known() == {"at": 0, "session": "t", "following": True}


def test_what_a_handshake_said_that_came_to_nothing_moves_no_place():
    places = Places(ONE)
    places.follow({"session": "s", "number": 7})
    places.begin()
    places.heard({"number": 9})
    places.begin()
    places.opened()
    assert places.known()["at"] == 7


def test_each_stream_has_a_place_of_its_own():
    places = Places(EACH)
    for channel in ("a", "b"):
        places.ask(channel)
        places.answered({"at": 0, "epoch": channel}, channel)
    places.opened()
    places.follow({"channel": "a", "at": 4})
    places.follow({"at": 9})
    assert places.known("a") == {"at": 4, "epoch": "a", "following": True}
    assert places.known("b") == {"at": 0, "epoch": "b", "following": True}


def test_one_stream_that_did_not_go_on_where_it_ended_is_enough_for_a_gap():
    places = Places(EACH)
    for channel in ("a", "b"):
        places.ask(channel)
        places.answered({"at": 1, "epoch": "e"}, channel)
    places.opened()
    for lost in (None, "b", "c"):
        places.begin()
        for channel in ("a", "b", *(["c"] if lost == "c" else [])):
            places.answered({"recovered": channel != lost}, channel)
        assert places.covers_everything is (lost is None)


@pytest.mark.parametrize("stream", [["a"], {"a": 1}, [], None, "nobody's"])
def test_what_nobody_asked_for_has_no_place_whatever_a_server_calls_its_stream(stream):
    """Seen: a list for a channel's name was exit 1, and each new name was kept."""
    places = Places(EACH)
    places.ask("a")
    places.follow({"channel": stream, "at": 4, "epoch": "e"})
    assert places.known(stream) == {}
    places.begin()
    assert not places.covers_everything


@pytest.mark.parametrize("stream", [["a"], {"a": 1}])
def test_a_stream_that_is_no_text_and_no_number_is_asked_for_and_has_no_place(stream):
    places = Places(EACH)
    assert places.ask(stream) == {}
    places.answered({"at": 1, "epoch": "e", "recovered": True}, stream)
    places.opened()
    assert places.ask(stream) == {}
    assert not places.covers_everything


def test_the_streams_that_were_asked_for_last_have_places():
    places = Places(EACH)
    for stream in range(MOST):
        places.ask(stream)
        places.follow({"channel": stream, "at": 1, "epoch": "e"})
    places.ask(0)
    places.ask("new")
    assert places.known(0) != {}
    assert places.known(1) == {}


def test_a_place_with_what_cannot_be_said_again_is_not_known_until_it_can():
    """Seen: with an e acute for a header, the next connection was exit code 2."""
    places = Places(ONE, {"at": str.isascii})
    places.follow({"number": "1", "session": "s"})
    places.begin()
    assert places.covers_everything
    places.follow({"number": "\u00e9"})
    places.begin()
    assert not places.covers_everything
    assert places.known() == {}
    places.follow({"number": "3"})
    assert places.known()["at"] == "3"


def test_a_place_of_which_a_part_is_known_covers_nothing():
    places = Places(ONE)
    places.follow({"number": 1})
    places.begin()
    assert not places.covers_everything


# Which values can be said again.


ODD = ["\u00e9", "a\r\nX: y", "\ud800", "x" * 2001, 10**30, [1], {"a": 1}, None]


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("a7", True),
        ("\u00e9\n", True),
        ("x" * 2000, True),
        ("x" * 2001, False),
        ("\u00e9" * 400, False),
        ("\ud800", True),
        (7, True),
        (1.5, True),
        (10**30, False),
        ([1], False),
    ],
)
def test_a_url_carries_text_and_numbers_that_are_not_too_long(value, fits):
    assert fits_url(value) is fits


@pytest.mark.parametrize("value", [*ODD, " a"])
def test_a_header_carries_printable_ascii(value):
    assert fits_header("a; b")
    assert fits_header(7)
    assert not fits_header(value)


@pytest.mark.parametrize("value", [*ODD, "a; other=1", "a b", 'a"', "a,b", "a\\"])
def test_a_cookie_stays_one(value):
    assert fits_cookie("a=b/c")
    assert fits_cookie(7)
    assert not fits_cookie(value)


@pytest.mark.parametrize("value", [*ODD, "", "a/b", "a b"])
def test_a_subprotocol_is_a_word(value):
    assert fits_subprotocol("a.b")
    assert not fits_subprotocol(value)


@pytest.mark.parametrize(
    ("tables", "odd"),
    [
        ({"socket": {"headers": {"X-At": "{at}"}}}, "\u00e9"),
        ({"socket": {"token": "Bearer {access_token}.{at}"}}, "\u00e9"),
        ({"socket": {"cookies": {"at": "{at}"}}}, "a; b=c"),
        ({"socket": {"subprotocols": ["v1.{at}"]}}, "a/b"),
        ({"socket": {"query": {"at": "{at}"}}}, ["a"]),
        ({"socket": {"path": "/ws/{at}"}}, {"a": 1}),
    ],
)
def test_a_variable_may_be_what_all_that_carry_it_can_say(tables, odd):
    fits = sayable(profiled(**tables), "at")
    assert fits("a")
    assert not fits(odd)
    assert sayable(profiled(**tables), "other")(odd)


def test_what_a_frame_carries_or_a_filter_writes_may_be_anything():
    tables = {
        "handshake": [{"send": {"at": "{at}"}}],
        "socket": {"headers": {"X-At": "{at|b64}"}},
    }
    assert sayable(profiled(**tables), "at")({"a": ["\u00e9"]})


def test_the_last_id_is_asked_for_by_a_header_or_a_url():
    by_header = profiled(resume={"header": "Last-Event-ID"})
    assert not sayable(by_header, "last_id")("\u00e9")
    assert sayable(profiled(resume={"query": "since"}), "last_id")("\u00e9")
    in_header = profiled(socket={"headers": {"X-Last": "{last_id}"}})
    assert not sayable(in_header, "last_id")("\u00e9")
