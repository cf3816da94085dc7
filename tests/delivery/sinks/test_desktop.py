"""What the desktop is given: a real session bus, with a desktop of the tests on it.

Where no ``dbus-daemon`` is installed, these tests are skipped.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from dbus_fast import Message
from dbus_fast.aio import MessageBus

from notifyws.config.extras import install_command
from notifyws.delivery.sinks import desktop
from notifyws.delivery.sinks.desktop import LONGEST, NAME, DesktopSink
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification

DAEMON = shutil.which("dbus-daemon")
on_a_bus = pytest.mark.skipif(not DAEMON, reason="no dbus-daemon is installed")


@pytest.fixture
def session(tmp_path, monkeypatch) -> Iterator[str]:
    """Run a session bus while a test runs."""
    address = f"unix:path={tmp_path}/bus"
    argv = [DAEMON, "--session", "--nofork", "--print-address", "--address", address]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline().startswith(address.encode())
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address
        daemon.kill()


@asynccontextmanager
async def a_desktop(*capabilities: str, refuses: str = "", hangs: bool = False):
    """Have a desktop on the bus; give what it shows."""
    shown: list[Any] = []

    def answer(message: Message) -> Message | bool:
        if message.interface != NAME:
            return False
        if message.member == "GetCapabilities":
            return Message.new_method_return(message, "as", [list(capabilities)])
        if hangs:
            return True
        if refuses:
            return Message.new_error(message, "org.example.No", refuses)
        shown.append((message.body[3], message.body[4]))
        return Message.new_method_return(message, "u", [len(shown)])

    bus = await MessageBus().connect()
    try:
        bus.add_message_handler(answer)
        await bus.request_name(NAME)
        yield shown
    finally:
        bus.disconnect()


def note(**fields: str) -> Notification:
    return Notification({"type": "t", **fields}, "then")


@on_a_bus
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
async def test_title_and_message_are_plain_text(session, fields, expected):
    async with a_desktop("body") as shown, aclosing(DesktopSink(9)) as sink:
        await sink.deliver(note(**fields))
    assert shown == [expected]


@on_a_bus
async def test_a_desktop_that_reads_markup_is_given_it_escaped(session):
    reads_markup = a_desktop("body", "body-markup")
    async with reads_markup as shown, aclosing(DesktopSink(9)) as sink:
        for _ in range(2):
            await sink.deliver(note(title="<i>", message="<b> & 'x'"))
    assert shown == [("<i>", "&lt;b&gt; &amp; 'x'")] * 2


@on_a_bus
async def test_a_desktop_that_refuses_is_a_failure_to_be_tried_again(session):
    sink = DesktopSink(9)
    async with a_desktop(refuses="\x1b]0;own\x07 bad"):
        with pytest.raises(DeliveryFailed, match=r"org\.example\.No: .*bad") as caught:
            await sink.deliver(note())
    assert not caught.value.final
    async with a_desktop() as shown:
        await sink.deliver(note())
    await sink.aclose()
    assert len(shown) == 1


@on_a_bus
async def test_a_bus_without_a_desktop_or_none_at_all_is_said(session, monkeypatch):
    sink = DesktopSink(9)
    with pytest.raises(DeliveryFailed, match=r"cannot show it: .*ServiceUnknown"):
        await sink.deliver(note())
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"{session}-gone")
    with pytest.raises(DeliveryFailed, match="cannot show it: "):
        await sink.deliver(note())
    await sink.aclose()


@on_a_bus
async def test_a_session_that_does_not_answer_is_not_waited_for_without_end(session):
    """Seen: ``--notify`` beside a bus that hangs kept ``-n 1`` from ever ending."""
    async with a_desktop(hangs=True):
        sink = DesktopSink(0.2)
        with pytest.raises(DeliveryFailed, match="took longer than") as caught:
            await sink.deliver(note())
    assert not caught.value.final


@on_a_bus
async def test_nothing_that_was_shown_is_remembered(session):
    """Seen: 1.4 kB each, for good, of what nobody closed."""
    async with a_desktop() as shown, aclosing(DesktopSink(9)) as sink:
        blocks = []
        for _ in range(2):
            for _ in range(300):
                await sink.deliver(note())
            shown.clear()
            blocks.append(sys.getallocatedblocks())
        assert blocks[1] - blocks[0] < 300


async def test_the_other_desktops_are_shown_it_by_their_library(monkeypatch):
    """A stand-in for the library: it runs on systems that the tests do not have."""
    shown = []

    class DesktopNotifier:
        def __init__(self, app_name: str) -> None:
            assert app_name == "notifyws"

        async def send(self, title: str, message: str) -> None:
            await asyncio.sleep(0)
            shown.append((title, message))

    module = SimpleNamespace(DesktopNotifier=DesktopNotifier)
    monkeypatch.setitem(sys.modules, "desktop_notifier", module)
    monkeypatch.setattr(desktop.sys, "platform", "darwin")
    async with aclosing(DesktopSink(9)) as sink:
        await sink.deliver(note(title="a", message="b"))
    assert shown == [("a", "b")]


@pytest.mark.parametrize(
    ("platform", "module"), [("linux", "dbus_fast.aio"), ("darwin", "desktop_notifier")]
)
def test_without_the_extra_the_hint_names_it(monkeypatch, platform, module):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(desktop.sys, "platform", platform)
    with pytest.raises(ConfigurationError, match="extra") as caught:
        DesktopSink(9)
    assert caught.value.hint == install_command("desktop")
