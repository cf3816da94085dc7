"""Servers that let anybody publish any text: it is the message, on every face."""

from __future__ import annotations

import json
from datetime import UTC

import pytest

from notifyws.config.settings import Settings
from notifyws.delivery.build import build_rules
from notifyws.protocol.arrivals import notifications
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse
from notifyws.ui.lines import plain_line
from notifyws.ui.theme import Theme

SAID = "hello world"
FRAMES = {
    "default": json.dumps({"type": "note", "data": SAID}),
    "pusher": json.dumps({"event": "e", "channel": "news", "data": SAID}),
    "centrifugo": json.dumps({"push": {"channel": "news", "pub": {"data": SAID}}}),
    "nchan": f"id: 1700000000:0\n\n{json.dumps(SAID)}",
}


@pytest.mark.parametrize("profile", FRAMES)
def test_a_published_text_is_seen_and_stands_in_the_json(profile):
    """Pusher: "it is possible to send any type of payload" (Channels Protocol)."""
    rules = build_rules(parse(*profile_text(profile)))
    (found,) = notifications(rules.read(FRAMES[profile], "2024-01-15T10:30:00Z"))
    assert plain_line(found, Theme(Settings(), zone=UTC)).endswith(f": {SAID}")
    assert SAID in found.line()
