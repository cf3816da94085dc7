"""Whatever a server sends, every face shows text and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tty
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifyws.config.settings import Settings
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Receiver
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Failure,
    Gap,
    Reconnecting,
    as_json,
)
from notifyws.models import Frame, Notification, strict_json
from notifyws.protocol.cursor import Cursor
from notifyws.protocol.rules import Rules
from notifyws.ui.footer import Status
from notifyws.ui.lines import event_line
from notifyws.ui.live import LiveView
from notifyws.ui.output import Output
from notifyws.ui.renderers import json_renderer, plain_renderer, raw_renderer
from notifyws.ui.sanitize import harmless
from notifyws.ui.streams import say
from notifyws.ui.theme import Theme
from tests.faults.support import strict
from tests.protocol import DEFAULT
from tests.support.virtual import VirtualClock
from tests.ui.helpers import live_renderer

RULES = Rules(DEFAULT.rules)
SETTINGS = Settings(url="wss://ws.example.com")
FAST = settings(
    max_examples=20,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

NASTY = st.sampled_from(
    [
        *["\x1b]0;x\x07", "\x1b[2J", "\x9b31m", "\x90q\x9c", "\x1b]8;;http://x\x1b\\"],
        *["\x1b]52;c;aGk=\x07", "\x1b", "\x1bc", "\r", "\b", "\x00", "\x7f", "\x85"],
        *["\u202e", "\u2066", "\u2028", "\u2029", "\U000e0041", "\ud800", "\ufeff"],
        *["\u200d", "\ufe0f", "e\u0301\u0301\u0301\u0301\u0301", "[/]", "\\", "\n"],
        *["javascript:alert(1)", "http://a@b/\x1b", "NaN", "1e400", "{", '"', "漢字"],
    ]
)
TEXT = st.lists(st.one_of(NASTY, st.text(max_size=12)), max_size=6).map("".join)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)
    ),
    max_leaves=8,
)
NOTE = st.fixed_dictionaries(
    {"type": st.one_of(st.sampled_from(["error", "gap", "trip_update"]), TEXT)},
    optional={
        **{name: st.one_of(TEXT, VALUE) for name in ("title", "message", "link")},
        **dict.fromkeys(("id", "data", "timestamp", "payload"), VALUE),
    },
)
JSON = st.one_of(NOTE, VALUE).flatmap(
    lambda value: st.booleans().map(lambda ascii: json.dumps(value, ensure_ascii=ascii))
)
FRAME = st.one_of(JSON, JSON, TEXT, st.binary(max_size=40))

OURS = re.compile(
    r"\r\x1b\[J"  # erase the footer
    r"|\x1b\[\?(?:25|7)[lh]"  # hide and show the cursor, wrap or cut
    r"|\x1b\\"  # end what was left open, when we leave
    r"|\x1b\[[0-9;]*m"  # colour and weight
    r"|\x1b\]8;(?:id=[0-9-]+)?;(?:(?:https?|mailto):[!-~]*)?\x1b\\"  # hyperlinks
    r"|\r(?=\r?\x1b|$)"  # back to the start of the footer
)
FORBIDDEN = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e"
    r"\u2028\u2029\u2066-\u2069\U000e0000-\U000e0fff]"
)


def assert_harmless(data: bytes, *, ours: bool = False) -> None:
    text = data.decode("utf-8")
    rest = OURS.sub("", text) if ours else text
    found = FORBIDDEN.search(rest)
    assert found is None, (found, rest)


class Terminal:
    """Both ends of a terminal that changes nothing of what is written."""

    def __init__(self) -> None:
        self._ours, self.fd = os.openpty()
        tty.setraw(self.fd)
        os.set_blocking(self._ours, False)

    def text(self) -> bytes:
        parts = []
        with suppress(BlockingIOError):
            while part := os.read(self._ours, 65_536):
                parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.fd)


@pytest.fixture
def terminal():
    opened = Terminal()
    yield opened
    opened.close()


class Paper:
    """A screen, and an output, that keeps what is written."""

    def __init__(self) -> None:
        self.data = b""
        self.is_terminal = True

    async def write(self, data: bytes) -> None:
        self.data += data

    def write_now(self, data: bytes, *, patience: float = 0.0) -> bool:
        self.data += data
        return True


async def taken(frames: list[str | bytes]) -> list:
    """Return what becomes of frames on their way to a face."""
    queue: DeliveryQueue = DeliveryQueue(1000, 1 << 24)
    cursor = Cursor(can_resume=False)
    receiver = Receiver(RULES, queue, cursor, VirtualClock().clock, frames=True)
    for frame in frames:
        pause = receiver.take([frame])
        assert pause is None
    receiver.emitter.tell(Failure("invalid_message", "the end"))
    return await queue.get()


def shown(
    frames: list[str | bytes], face: Callable[[Paper], Any]
) -> tuple[list, bytes]:
    """Return what becomes of frames, and what a face writes of it."""

    async def story():
        burst, paper = await taken(frames), Paper()
        await face(paper).show(burst)
        return burst, paper.data

    return asyncio.run(story())


def shown_live(frames, reason: str, theme: Theme, status: Status, width: int) -> bytes:
    """Return what the live view writes of frames, and of a connection that ends."""

    async def story():
        paper = Paper()
        view = LiveView(theme, paper, lambda: [status], width=lambda: width)
        renderer = live_renderer(view, say)
        renderer.start()
        await renderer.show([*await taken(frames), Disconnected(1006, reason)])
        renderer.stop()
        return paper.data

    return asyncio.run(story())


@pytest.mark.fault(20, 21)
@FAST
@given(st.lists(FRAME, min_size=1, max_size=5))
def test_every_json_line_is_strict_ascii_and_one_line(frames):
    burst, data = shown(frames, partial(json_renderer, events=True))
    lines = data.decode("ascii").split("\n")
    assert lines.pop() == ""
    assert len(lines) == sum(not isinstance(item, Frame) for item in burst)
    for line in lines:
        value = strict(line)
        assert "event" in value or isinstance(value["type"], str)
        assert FORBIDDEN.search(line) is None


@pytest.mark.fault(20, 36)
@pytest.mark.parametrize("colour", [True, False])
@FAST
@given(frames=st.lists(FRAME, min_size=1, max_size=5))
def test_the_plain_face_shows_one_harmless_line_for_each(colour, frames):
    theme = Theme(SETTINGS, colour=colour)
    burst, data = shown(frames, lambda paper: plain_renderer(paper, theme))
    assert_harmless(data, ours=colour)
    assert data.count(b"\n") == sum(isinstance(item, Notification) for item in burst)


@pytest.mark.fault(20, 36)
@FAST
@given(frames=st.lists(FRAME, min_size=1, max_size=5))
def test_raw_frames_on_a_terminal_are_spelled_out(terminal, frames):
    async def story():
        with closing(Output(terminal.fd)) as output:
            await raw_renderer(output, every=True).show(await taken(frames))

    asyncio.run(story())
    assert_harmless(terminal.text())


@pytest.mark.fault(20, 36)
@pytest.mark.parametrize("width", [1, 40, 200])
@FAST
@given(frames=st.lists(FRAME, min_size=1, max_size=4), reason=TEXT)
def test_the_live_view_emits_our_own_sequences_and_text(width, frames, reason):
    theme = Theme(SETTINGS, colour=True, hyperlinks=True, verbose=True)
    status = Status("reconnecting", host=reason, user_id=reason, reason=reason)
    assert_harmless(shown_live(frames, reason, theme, status, width), ours=True)


@pytest.mark.fault(36)
@FAST
@given(reason=TEXT, code=st.integers(0, 4999))
def test_what_is_said_of_an_event_is_one_harmless_line(capfd, reason, code):
    capfd.readouterr()
    events = [
        *[Disconnected(code, reason), Failure("server_error", reason), Closed(reason)],
        *[Connecting(reason, code), Connected(f"wss://{reason}", reason)],
        *[Reconnecting(code, float(code), reason), Gap(reason, reason, reason)],
    ]
    for event in events:
        assert_harmless(event_line(event).encode())
        assert isinstance(strict(strict_json(as_json(event))), dict)
        say(event_line(event))
    said = capfd.readouterr().err
    assert_harmless(said.encode("utf-8", "surrogatepass"))
    assert said.count("\n") == len(events)


@pytest.mark.fault(20, 36)
@FAST
@given(frames=st.lists(FRAME, min_size=1, max_size=4), reason=TEXT)
def test_a_terminal_that_only_takes_lines_gets_ascii_lines(capfd, frames, reason):
    capfd.readouterr()
    theme = Theme(SETTINGS, utf8=False, cursor=False, verbose=True)
    data = shown_live(frames, reason, theme, Status("connected"), 60)
    assert data.isascii()
    assert_harmless(data)
    assert_harmless(capfd.readouterr().err.encode("utf-8", "surrogatepass"))


@pytest.mark.fault(21, 36)
@FAST
@given(TEXT)
def test_whatever_is_said_is_one_harmless_line(capfd, text):
    capfd.readouterr()
    say(text)
    said = capfd.readouterr().err
    assert_harmless(said.encode("utf-8", "surrogatepass"))
    assert said.count("\n") == 1


@pytest.mark.fault(36)
@FAST
@given(TEXT)
def test_what_is_harmless_stays_as_it_is(text):
    assert harmless(harmless(text)) == harmless(text)
