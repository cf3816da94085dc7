"""What the desktop is given. The desktop itself is a stand-in: none runs in tests."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace

import pytest

from notifyws.config.extras import install_command
from notifyws.delivery.sinks.desktop import LONGEST, DesktopSink, reads_markup
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification


@pytest.fixture
def shown(monkeypatch):
    """What a desktop shows; an exception in it is what it raises next."""
    shown = []

    class DesktopNotifier:
        def __init__(self, app_name):
            assert app_name == "notifyws"

        async def send(self, title, message):
            if shown and isinstance(shown[-1], Exception):
                raise shown[-1]
            shown.append((title, message))

    module = SimpleNamespace(DesktopNotifier=DesktopNotifier)
    monkeypatch.setitem(sys.modules, "desktop_notifier", module)
    return shown


def answering(markup, asked=None):
    async def reads_markup():
        (asked if asked is not None else []).append(True)
        return markup

    return reads_markup


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"title": "\x1b[31mred\u202e\n\u200bé 🚌", "message": "<b> & 'x'"},
            (" [31mred   é 🚌", "<b> & 'x'"),
        ),
        ({"message": "x" * 5000}, ("t", "x" * LONGEST)),
    ],
)
async def test_title_and_message_are_plain_text(shown, fields, expected):
    sink = DesktopSink(9, answering(markup=False))
    await sink.deliver(Notification({"type": "t", **fields}, "then"))
    await sink.aclose()
    assert shown == [expected]


async def test_a_desktop_that_refuses_is_a_failure_to_be_tried_again(shown):
    shown.append(RuntimeError("no session bus"))
    sink = DesktopSink(9, answering(markup=False))
    with pytest.raises(DeliveryFailed, match="no session bus") as caught:
        await sink.deliver(Notification({"type": "t"}, ""))
    assert not caught.value.final


async def test_a_session_that_does_not_answer_is_not_waited_for_without_end(shown):
    """Seen: ``--notify`` beside a bus that hangs kept ``-n 1`` from ever ending."""

    async def hangs():
        await asyncio.sleep(3600)

    sink = DesktopSink(0.01, hangs)
    with pytest.raises(DeliveryFailed, match="took longer than") as caught:
        await sink.deliver(Notification({"type": "t"}, ""))
    assert not caught.value.final


async def test_a_desktop_that_reads_markup_is_asked_once_and_given_it_escaped(shown):
    sink = DesktopSink(9, answering(True, asked := []))
    for _ in range(2):
        await sink.deliver(
            Notification({"type": "t", "title": "<i>", "message": "<b> & 'x'"}, "")
        )
    assert shown == [("<i>", "&lt;b&gt; &amp; 'x'")] * 2
    assert asked == [True]


async def test_without_a_bus_to_ask_a_message_is_no_markup(monkeypatch):
    monkeypatch.setitem(sys.modules, "dbus_fast", None)
    assert not await reads_markup()


def test_without_the_extra_the_hint_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "desktop_notifier", None)
    with pytest.raises(ConfigurationError, match="extra") as caught:
        DesktopSink(9)
    assert caught.value.hint == install_command("desktop")
