"""What the desktop is given. The desktop itself is a stand-in: none runs in tests."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from notifyws.delivery.sinks.desktop import LONGEST, DesktopSink, desktop, reads_markup
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification
from tests.support.aio import on_a_loop


@on_a_loop
async def test_title_and_message_are_plain_text():
    shown = []

    async def show(title, message):
        shown.append((title, message))

    sink = DesktopSink(show)
    fields = {
        "type": "t",
        "title": "\x1b[31mred\u202e\n\u200bé 🚌",
        "message": "<b>bold</b> & more",
    }
    await sink.deliver(Notification(fields, "then"))
    await sink.deliver(Notification({"type": "kind", "message": "x" * 5000}, "then"))
    await sink.aclose()
    assert shown[0][0] == " [31mred   é 🚌"
    assert shown[0][1] == "<b>bold</b> & more"
    assert shown[1] == ("kind", "x" * LONGEST)


@on_a_loop
async def test_a_desktop_that_refuses_is_a_failure_to_be_tried_again():
    async def show(title, message):
        raise RuntimeError("no session bus")

    with pytest.raises(DeliveryFailed, match="no session bus"):
        await DesktopSink(show).deliver(Notification({"type": "t"}, ""))


@on_a_loop
@pytest.mark.parametrize(
    ("markup", "message"), [(True, "&lt;b&gt; &amp; 'x'"), (False, "<b> & 'x'")]
)
async def test_only_a_desktop_that_reads_markup_is_given_it_escaped(
    monkeypatch, markup, message
):
    sent, asked = [], []

    class DesktopNotifier:
        def __init__(self, app_name):
            pass

        async def send(self, title, message):
            sent.append((title, message))

    async def reads_markup():
        asked.append(True)
        return markup

    module = SimpleNamespace(DesktopNotifier=DesktopNotifier)
    monkeypatch.setitem(sys.modules, "desktop_notifier", module)
    show = desktop(reads_markup)
    for _ in range(2):
        await show("<i>", "<b> & 'x'")
    assert sent == [("<i>", message)] * 2
    assert asked == [True]


@on_a_loop
async def test_without_a_bus_to_ask_a_message_is_no_markup(monkeypatch):
    monkeypatch.setitem(sys.modules, "dbus_fast", None)
    assert not await reads_markup()


def test_without_the_extra_the_hint_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "desktop_notifier", None)
    with pytest.raises(ConfigurationError) as caught:
        desktop()
    assert "notifyws[desktop]" in caught.value.hint
