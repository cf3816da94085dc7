"""A recording is read as it was written, or it is said why not."""

from __future__ import annotations

import pytest

from notifyws.errors import ConfigurationError
from notifyws.recording import (
    Closed,
    Exchange,
    Happened,
    Header,
    Opened,
    Opening,
    Received,
    Refused,
    Sent,
    Unreached,
    Visit,
    line,
    parse,
)

HEADER = Header(1, "notifyws 1.2.3", "default", "2026-01-01T00:00:00Z")
ENTRIES = (
    Opening(at=0.5, socket=1, url="ws://h", headers={"a": "b"}, subprotocols=("c",)),
    Unreached(at=1.0, socket=1, reason="no route"),
    Opening(at=2.0, socket=2, url="ws://h"),
    Refused(at=2.25, socket=2, status=503, words="later", retry_after=1.5),
    Happened(at=2.5, event={"event": "reconnecting", "attempt": 1}),
    Opening(at=3.0, socket=3, url="ws://h"),
    Opened(at=3.5, socket=3),
    Exchange(at=3.5, method="GET", path="/x", status=200, answer="{}"),
    Sent(at=3.75, socket=3, text="hi \x1b \u202e"),
    Received(at=4.5, socket=3, text="one"),
    Received(at=4.5, socket=3, binary="AP8="),
    Closed(at=9.5, socket=3, by="client", code=1006, deaf_since=5.5),
)


def read(*lines: str, warn=pytest.fail):
    return parse("r.jsonl", (each.encode() for each in lines), warn)


def test_what_was_written_is_read():
    lines = [line(each) for each in (HEADER, *ENTRIES)]
    assert all(each.isascii() and each.count("\n") == 1 for each in lines)
    recording = read(*lines, "\n")
    assert (recording.header, recording.entries) == (HEADER, ENTRIES)
    assert recording.exchanges == [ENTRIES[7]]


def test_an_opening_and_all_that_came_of_it_are_a_visit_whose_time_begins_with_it():
    recording = read(*(line(each) for each in (HEADER, *ENTRIES)))
    assert recording.visits == [
        Visit(1, 0.5, ENTRIES[1]),
        Visit(2, 0.25, ENTRIES[3]),
        Visit(
            3,
            0.5,
            None,
            (
                Sent(at=0.25, socket=3, text="hi \x1b \u202e"),
                Received(at=1.0, socket=3, text="one"),
                Received(at=1.0, socket=3, binary="AP8="),
                Closed(at=6.0, socket=3, by="client", code=1006, deaf_since=2.0),
            ),
        ),
    ]
    assert [each.frame for each in recording.visits[2].steps[1:3]] == ["one", b"\0\xff"]


def test_a_socket_that_was_being_opened_at_the_end_stays_open():
    recording = read(line(HEADER), line(Opening(at=7.0, socket=1, url="ws://h")))
    assert recording.visits == [Visit(1)]


def test_an_empty_frame_is_one():
    assert Received(at=0.0).frame == ""


def test_a_torn_last_line_is_left_out_and_said():
    said = []
    whole = line(ENTRIES[0])
    recording = read(line(HEADER), whole, whole[:-9], warn=said.append)
    assert recording.entries == ENTRIES[:1]
    assert said == ["the last line of r.jsonl is torn, and is left out"]


def http(**facts):
    return line(Exchange(at=1.0, method="GET", path="/a", status=200, **facts))


MOVED = line(Refused(at=1.0, status=302, location="/b"))
NEWER = line(HEADER).replace('"version":1', '"version":2')


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "r.jsonl is no recording"),
        (["rubbish\n"], "r.jsonl is no recording"),
        (["[]\n"], "r.jsonl is no recording"),
        (["[" * 100_000 + "\n"], "r.jsonl is no recording"),
        (['{"type":"a"}\n'], "r.jsonl is no recording"),
        (['{"what":"opened","version":1}\n'], "r.jsonl is no recording"),
        ([NEWER], "r.jsonl is a recording of form 2, and this reads 1"),
        (['{"what":"recording","version":1}\n'], "line 1: it is no recording's first"),
        ([line(HEADER), "rubbish\n"], "line 2: it is no line of a recording"),
        ([line(HEADER), '{"what":"else","at":1}\n'], "Invalid value 'else'"),
        ([line(HEADER), '{"what":"sent","at":"x","text":""}\n'], "Expected `float`"),
        ([line(HEADER), '{"what":"received","at":1,"binary":"a"}\n'], "line 2: it is"),
        ([line(HEADER), '{"what":"closed","at":1,"by":"me","code":1}\n'], "'me'"),
        ([line(HEADER), '{"what":"closed","at":1,"by":"server","code":-1}\n'], ">= 0"),
        ([line(HEADER), '{"what":"refused","at":1,"status":101}\n'], ">= 200"),
        ([line(HEADER), "[" * 100_000 + "\n"], "line 2: it is no line of a recording"),
        ([line(HEADER), http(headers={"x\r\ny": "a"})], "`key` in `$.headers`"),
        ([line(HEADER), http(headers={"x\n": "a"})], "`key` in `$.headers`"),
        ([line(HEADER), http(headers={"x": "a\r\nb: c"})], "`$.headers[...]`"),
        ([line(HEADER), http(cookies={"a b;": "c"})], "`key` in `$.cookies`"),
        ([line(HEADER), MOVED.replace("/b", "\\n")], "`$.location`"),
    ],
)
def test_what_is_none_is_said_with_its_line(lines, words):
    with pytest.raises(ConfigurationError) as caught:
        read(*lines)
    assert words in caught.value.message
    assert caught.value.hint
