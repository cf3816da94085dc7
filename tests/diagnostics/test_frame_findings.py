"""What frames show of a profile: their meaning in words, and whether ids are unique."""

from __future__ import annotations

import pytest

from notifyws.diagnostics.findings import Ids, meaning
from notifyws.models import Notification
from notifyws.protocol.arrivals import (
    Ignored,
    Many,
    NotUnderstood,
    ServerError,
    SessionEnded,
)

NOTE = Notification({"type": "note", "timestamp": "T"}, "T")
SHOWN = 'a notification: {"type":"note"'


def note(ident: object, **fields: object) -> Notification:
    return Notification({"type": "note", "id": ident, **fields}, "T")


@pytest.mark.parametrize(
    ("arrival", "words"),
    [
        (NOTE, SHOWN),
        (Many(()), "a rule fits, but it finds no notification in it"),
        (Many((NOTE, Ignored())), SHOWN),
        (NotUnderstood("not JSON"), "not understood: not JSON"),
        (ServerError("no such topic"), "the server's error: no such topic"),
        (SessionEnded("stop", "gone"), "the server's error: gone"),
        (Ignored(), "no notification: Ignored"),
    ],
)
def test_what_a_frame_means_is_told_in_words(arrival, words):
    assert meaning(arrival).startswith(words)


@pytest.mark.parametrize(
    ("arrived", "words", "twice"),
    [
        ([], "", None),
        ([note(None)], "0 different ids, 1 without", None),
        ([note(1), note(2), note(2)], "2 different ids", None),
        ([note(1), note(None)], "1 different ids, 1 without", None),
        ([note("a"), note("a", x=1)], "the id a came twice, with other content", "a"),
        (
            [note(1), note(1, x=1), note(2), note(2, x=1)],
            "the id 1 came twice, with other content",
            1,
        ),
    ],
)
def test_an_id_that_comes_again_with_other_content_is_none(arrived, words, twice):
    ids = Ids()
    for each in arrived:
        ids.note(each)
    assert (ids.words, ids.twice) == (words, twice)


def test_the_last_id_is_where_a_catch_up_goes_on():
    ids = Ids()
    assert ids.last is None
    for each in (note(1), note("b"), note(None)):
        ids.note(each)
    assert ids.last == "b"
