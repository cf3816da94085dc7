"""What the desktop is given. The desktop itself is a stand-in: none runs in tests."""

from __future__ import annotations

import sys

import pytest

from notifyws.errors import ConfigurationError, HandingFailed
from notifyws.models import Notification
from notifyws.sinks.desktop import LONGEST, DesktopSink, desktop
from notifyws.view.safe import harmless
from tests.support.aio import on_a_loop


@on_a_loop
async def test_title_and_message_are_plain_text():
    shown = []

    async def show(title, message):
        shown.append((title, message))

    sink = DesktopSink(show, harmless)
    fields = {"type": "t", "title": "\x1b[31mred", "message": "<b>bold</b> & more"}
    await sink.hand_on(Notification(fields, "then"))
    await sink.hand_on(Notification({"type": "kind", "message": "x" * 5000}, "then"))
    await sink.aclose()
    assert "\x1b" not in shown[0][0]
    assert shown[0][1] == "&lt;b&gt;bold&lt;/b&gt; &amp; more"
    assert shown[1] == ("kind", "x" * LONGEST)


@on_a_loop
async def test_a_desktop_that_refuses_is_a_failure_to_be_tried_again():
    async def show(title, message):
        raise RuntimeError("no session bus")

    with pytest.raises(HandingFailed, match="no session bus"):
        await DesktopSink(show, harmless).hand_on(Notification({"type": "t"}, ""))


def test_without_the_extra_the_hint_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "desktop_notifier", None)
    with pytest.raises(ConfigurationError) as caught:
        desktop()
    assert "notifyws[desktop]" in caught.value.hint
