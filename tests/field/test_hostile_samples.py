"""Samples of a stranger for ``profile new``: what comes of one is always a profile.

Seen: an emoji in a name made TOML that nobody could read, and a deep sample was a bug
of ours.
"""

from __future__ import annotations

import json

import pytest

from notifyws.protocol.draft import Answers, draft
from notifyws.protocol.profile_text import parse

ODD = (
    "🚌",
    "\ud800",
    "\x7f",
    "\x1b[2J",
    "\n[http]\n",
    '"',
    "'",
    "\\",
    "{x}",
    "",
    "a.b",
)
DEEP = ("[" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "9" * 5_000, "NaN", "\x00")


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_whatever_a_sample_calls_things_the_draft_can_be_read(odd):
    inner = {"title": "T", "id": 1, odd: odd}
    for frame in (inner, {odd: inner}, {odd: [inner]}, [{odd: {odd: [inner, inner]}}]):
        said = json.dumps(frame)
        parse(draft(Answers("n", sample=f"{said}\n{said}")), "sample")


@pytest.mark.parametrize("sample", DEEP, ids=lambda text: text[:8])
def test_what_cannot_be_read_of_a_sample_is_left_out(sample):
    assert parse(draft(Answers("n", sample=sample)), "sample").rules


@pytest.mark.parametrize("odd", ODD[:-3], ids=ascii)
def test_whatever_a_key_is_called_it_is_that_key_and_nothing_else(odd):
    said = draft(Answers("n", login_path="/l", username_key=odd, password_key="p"))
    body = parse(said, "sample").http.login.body
    assert set(body) == {odd.replace("\ud800", "\ufffd"), "p"}
