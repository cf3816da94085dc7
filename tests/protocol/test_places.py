"""Where streams stand that a server numbers: kept, lost, and not taken too early."""

from notifyws.protocol.places import Places
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
        places.answered({"at": 0, "epoch": channel}, channel)
    places.opened()
    places.follow({"channel": "a", "at": 4})
    places.follow({"at": 9})
    assert places.known("a") == {"at": 4, "epoch": "a", "following": True}
    assert places.known("b") == {"at": 0, "epoch": "b", "following": True}


def test_one_stream_that_did_not_go_on_where_it_ended_is_enough_for_a_gap():
    places = Places(EACH)
    for channel in ("a", "b"):
        places.answered({"at": 1, "epoch": "e"}, channel)
    places.opened()
    for lost in (None, "b", "c"):
        places.begin()
        for channel in ("a", "b", *(["c"] if lost == "c" else [])):
            places.answered({"recovered": channel != lost}, channel)
        assert places.covers_everything is (lost is None)
