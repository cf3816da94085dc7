"""Where a server's frames end: pure, over every cut of the bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.protocol.framing import Framer
from tests.support.httpd import BINARY, CLOSE, PING, TEXT, framed

LARGEST = 70_000


def cut(*pieces, framer=None):
    """Return what comes out when these bytes come in, in order."""
    framer = framer or Framer(LARGEST)
    out = []
    for piece in pieces:
        framer.feed(piece)
        while True:
            texts, other = framer.cut()
            out += texts
            if not other:
                break
            out.append(other)
    return out


def chopped(data, places):
    """Return ``data`` cut at these places."""
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(ends)]


def test_plain_texts_come_out_as_text_however_long():
    texts = ["ab", "é" * 62, "x" * 125, "x" * 126, "x" * 65535, "{}"]
    assert cut(b"".join(framed(TEXT, text.encode()) for text in texts)) == texts


@pytest.mark.parametrize(
    "frame",
    [
        framed(BINARY, b"\x00"),
        framed(PING, b"now"),
        framed(CLOSE, b"\x03\xe8"),
        framed(TEXT, b"x" * 65536),
        framed(TEXT, b"part", last=False),
        framed(TEXT, b"\xff\xfe"),
        b"\xc1\x01x",
    ],
)
def test_any_other_frame_comes_out_as_it_came_in_its_place(frame):
    before, behind = framed(TEXT, b"before"), framed(PING, b"behind")
    assert cut(before + frame + behind) == ["before", frame, behind]


def test_a_text_in_parts_is_left_to_others_and_so_is_a_text_between_them():
    parts = [
        framed(TEXT, b"a", last=False),
        framed(PING),
        framed(TEXT, b"wrong"),
        framed(TEXT, b"a", last=False),
        framed(0, b"b", last=False),
        framed(0, b"c"),
    ]
    after = framed(TEXT, b"after")
    assert cut(b"".join([*parts[:2], *parts[3:], after])) == [
        *parts[:2],
        *parts[3:],
        "after",
    ]
    assert cut(b"".join(parts[:3])) == parts[:3]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x81\x85" + b"maskhello",
        b"\x81\xfe\x00\x80mask",
        b"\x81\xff" + bytes(12),
        framed(TEXT, b"x" * (LARGEST + 1)),
        framed(BINARY, b"x" * (LARGEST + 1))[:10],
        framed(3, b"never whole")[:5],
    ],
)
def test_from_the_first_thing_on_that_no_server_may_send_all_comes_out(nonsense):
    rest = framed(TEXT, b"rest")
    assert cut(framed(TEXT, b"good"), nonsense, rest) == ["good", nonsense, rest]


def test_a_frame_that_is_too_large_is_not_waited_for():
    small = Framer(10)
    head = framed(TEXT, b"elevenbytes")[:2]
    assert cut(head, framer=small) == [head]


@pytest.mark.parametrize("length", [11, 200])
def test_a_whole_one_that_is_too_large_is_no_text_either(length):
    frame = framed(TEXT, b"x" * length)
    assert cut(framed(TEXT, b"ok") + frame, framer=Framer(10)) == ["ok", frame]


def test_a_length_that_is_not_whole_yet_is_waited_for():
    framer, frame = Framer(LARGEST), framed(BINARY, b"x" * 300)
    framer.feed(frame[:3])
    assert framer.cut() == ([], b"")
    framer.feed(frame[3:])
    assert framer.cut() == ([], frame)


def test_who_gives_up_lets_all_out():
    framer = Framer(LARGEST)
    framer.feed(framed(TEXT, b"half")[:3])
    assert framer.cut() == ([], b"")
    framer.give_up()
    assert framer.cut() == ([], framed(TEXT, b"half")[:3])
    assert framer.cut() == ([], b"")


FRAMES = st.one_of(
    st.text(max_size=200).map(lambda text: framed(TEXT, text.encode())),
    st.sampled_from([framed(PING, b"p"), framed(BINARY, b"b" * 300)]),
    st.just(framed(TEXT, b"a", last=False) + framed(PING) + framed(0, b"b")),
)


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(min_value=0), max_size=12))
def test_it_does_not_matter_where_the_bytes_are_cut(frames, places):
    data = b"".join(frames)
    whole, in_pieces = cut(data), cut(*chopped(data, places))
    assert [spelled(each) for each in in_pieces] == [spelled(each) for each in whole]
    assert b"".join(map(spelled, whole)) == data


def spelled(each):
    """Return a frame's bytes; a tiny text may come out either way."""
    return framed(TEXT, each.encode()) if isinstance(each, str) else each
