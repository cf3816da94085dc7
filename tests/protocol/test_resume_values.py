"""What a server chose, and whether it can be said again when a socket is opened."""

import pytest

from notifyws.protocol.resume_values import (
    fits_cookie,
    fits_header,
    fits_subprotocol,
    fits_url,
    sayable,
)
from tests.protocol import profiled

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
