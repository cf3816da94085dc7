"""Where streams stand that a server numbers: kept, lost, and not taken too early."""

import pytest

from notifyws.protocol.places import MOST, Places
from notifyws.protocol.profile import Follow

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
