"""Where a server's frames end: pure, over every cut of the bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.connection.websocket_framer import (
    COMPRESSED,
    MOST_PARTS,
    Assembler,
    BadMessage,
    Framer,
    close_frame,
)
from tests.support.httpd import BINARY, CLOSE, PING, TEXT, framed

LARGEST = 70_000


def cut(*pieces, framer=None):
    """Return what comes out when these bytes come in: texts, and bytes between them."""
    framer = framer or Framer(LARGEST)
    out = []
    for each in (each for piece in pieces for each in framer.cut(piece)):
        if isinstance(each, list):
            out += each
        elif out and isinstance(out[-1], bytes):
            out[-1] += each
        else:
            out.append(each)
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
    assert cut(before + frame + behind) == ["before", frame + behind]


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
    said = b"".join([*parts[:2], *parts[3:]])
    assert cut(said + after) == [said, "after"]
    assert cut(b"".join(parts[:3])) == [b"".join(parts[:3])]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x81\x85" + b"maskhello",
        b"\x81\xfe\x00\x80mask",
        b"\x81\xff" + bytes(12),
        framed(TEXT, b"x" * (LARGEST + 1)),
        framed(BINARY, b"x" * (LARGEST + 1))[:10],
        framed(3, b"never whole")[:2],
        b"\x03\x7e",
    ],
)
def test_what_no_server_may_send_comes_out_before_it_is_whole(nonsense):
    assert cut(framed(TEXT, b"good"), nonsense) == ["good", nonsense]


def test_a_text_that_is_too_large_is_not_waited_for():
    head = framed(TEXT, b"elevenbytes")[:2]
    assert cut(head, framer=Framer(10)) == [head]


@pytest.mark.parametrize("length", [11, 200])
def test_a_whole_one_that_is_too_large_is_no_text_either(length):
    frame = framed(TEXT, b"x" * length)
    assert cut(framed(TEXT, b"ok") + frame, framer=Framer(10)) == ["ok", frame]


def test_other_frames_come_out_as_they_come_once_their_length_is_known():
    framer, frame = Framer(LARGEST), framed(BINARY, b"x" * 300)
    assert cut(frame[:3], framer=framer) == []
    assert cut(frame[3:100], framer=framer) == [frame[:100]]
    rest = frame[100:] + framed(TEXT, b"ab")
    assert cut(rest, framer=framer) == [frame[100:], "ab"]


def packed(payload):
    """Return a frame that is marked as compressed."""
    return bytes([COMPRESSED]) + framed(TEXT, payload)[1:]


def test_compressed_texts_are_inflated_each_after_what_came_before_it():
    order = []

    def inflate(payload):
        order.append(payload)
        return payload.decode().upper()

    framer = Framer(LARGEST)
    framer.inflate_by(inflate)
    part = framed(TEXT, b"p", last=False) + framed(0, b"q")
    data = packed(b"a") + framed(TEXT, b"b") + part + packed(b"c" * 300) + packed(b"d")
    for piece in framer.cut(data + packed(b"e")[:2]):
        order.append(piece)
    assert order == [b"a", ["A", "b"], part, b"c" * 300, b"d", ["C" * 300, "D"]]
    assert list(framer.cut(packed(b"e")[2:] + framed(PING))) == [["E"], framed(PING)]


def test_what_came_before_a_text_that_cannot_be_inflated_is_told_first():
    def inflate(payload):
        raise BadMessage(1002, "bad")

    framer = Framer(LARGEST)
    framer.inflate_by(inflate)
    pieces = framer.cut(framed(TEXT, b"good") + packed(b"x") + framed(TEXT, b"late"))
    assert next(pieces) == ["good"]
    with pytest.raises(BadMessage):
        next(pieces)


def test_a_compressed_text_that_is_too_large_is_left_to_others():
    framer = Framer(10)
    framer.inflate_by(bytes.decode)
    assert cut(packed(b"x" * 11), framer=framer) == [packed(b"x" * 11)]


FRAMES = st.one_of(
    st.text(max_size=200).map(lambda text: framed(TEXT, text.encode())),
    st.sampled_from([framed(PING, b"p"), framed(BINARY, b"b" * 300)]),
    st.just(framed(TEXT, b"a", last=False) + framed(PING) + framed(0, b"b")),
)


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(min_value=0), max_size=12))
def test_it_does_not_matter_where_the_bytes_are_cut(frames, places):
    data = b"".join(frames)
    assert b"".join(map(spelled, cut(*chopped(data, places)))) == data


def spelled(each):
    """Return a frame's bytes; a tiny text may come out either way."""
    return framed(TEXT, each.encode()) if isinstance(each, str) else each


def test_a_masked_close_frame_is_read():
    said = bytes(map(int.__xor__, b"\x03\xeaw\xc3\xbc", b"abcda"))
    assert close_frame(b"\x88\x85abcd" + said) == (1002, "wü")


def assembled(*frames):
    assembler = Assembler()
    return [
        whole
        for kind, data, final in frames
        for whole in assembler.add(kind, data, final=final)
    ]


@pytest.mark.parametrize(("kind", "whole"), [(1, "häh"), (2, "häh".encode())])
def test_a_message_is_put_together_from_its_parts_wherever_it_was_cut(kind, whole):
    data = "häh".encode()
    for cut_at in range(len(data)):
        parts = (kind, data[:cut_at], False), (0, data[cut_at:], True)
        assert assembled(*parts, (1, b"next", True)) == [whole, "next"]


def test_a_text_of_parts_that_is_none_is_refused():
    with pytest.raises(BadMessage) as caught:
        assembled((1, b"\xc3", False), (0, b"\xc3", True))
    assert caught.value.code == 1007


def test_a_message_of_far_too_many_parts_is_refused():
    parts = [(1, b"", False)] * MOST_PARTS
    assert assembled(*parts[1:], (0, b"", True)) == [""]
    with pytest.raises(BadMessage) as caught:
        assembled(*parts)
    assert caught.value.code == 1009
