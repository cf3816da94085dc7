"""A live connection: what may happen to it, and to the machine under it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

import notifyws
from tests.e2e.support import Home, Running, Server, until
from tests.faults.support import QUICK, scripted, without_resume
from tests.support.catalogue import sample
from tests.support.httpd import CLOSE, TEXT, framed, json_answer, silence
from tests.support.proxy import Proxy, proxy
from tests.support.scripted import note
from tests.support.tls import Authority


@pytest.mark.slow
@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("code", "ends"),
    [
        (4401, None),
        pytest.param(1012, None, marks=pytest.mark.slow),
        pytest.param(4500, 5, marks=pytest.mark.slow),
    ],
)
def test_a_real_close_frame_is_retried_or_the_end(home: Home, server, code, ends):
    assert home.within("token").returncode == 0  # so that it does not come from a login
    listener = home.listen(**QUICK)
    server.dev("cut", {"code": code, "reason": "so it is"})
    listener.says(f"so it is ({code})")
    if ends is None:
        listener.says("Connected", times=2)
        assert server.stats["refreshes"] == (code == 4401)
    else:
        assert listener.wait() == ends


def through(home: Home, one: Proxy, **env: str) -> None:
    """Let commands reach the configured server through a proxy."""
    home.env |= {"WEBSOCKET_SERVER_URL": one.url, **QUICK, **env}


def titles(lines: list[dict]) -> list[str]:
    return [line["title"] for line in lines if "type" in line]


@pytest.mark.fault(13)
@pytest.mark.parametrize("resets", sample(True, False))
def test_cut_in_the_middle_of_a_frame_it_reconnects_and_resumes(home, server, resets):
    with proxy(server.port) as (one, _):
        through(home, one)
        one.resets = resets
        listener = home.listen("--json", "--events")
        server.notify(1)
        listener.prints(3)
        one.down.left = 700  # bytes: in the middle of the second of these
        for number in (2, 3, 4):
            fields = {"type": "t", "title": str(number), "message": "x" * 500}
            server.dev("notify", fields)
        listener.says("Connected", times=2)
        server.notify(5)
        until(lambda: '"5"' in listener.out.text, "the last one")
        lines = [json.loads(line) for line in listener.out.lines]
        assert titles(lines) == ["1", "2", "3", "4", "5"]
        assert not [line for line in lines if line.get("event") == "gap"]
        assert one.opened >= 2
        home.leave()


@pytest.mark.fault(13)
def test_cut_in_the_middle_of_a_frame_without_replay_it_tells_a_gap(home, server):
    with proxy(server.port) as (one, _):
        through(home, one)
        listener = home.listen("--events", "--profile", without_resume(home.path))
        one.down.left = 100
        server.dev("notify", {"type": "t", "title": "1", "message": "x" * 500})
        listener.says("Connected", times=2)
        listener.says("notifications between")
        server.notify(2)
        until(lambda: '"2"' in listener.out.text, "the last one")
        lines = [json.loads(line) for line in listener.out.lines]
        assert titles(lines) == ["2"]
        (gap,) = [line for line in lines if line.get("event") == "gap"]
        assert gap["from"] < gap["to"]
        assert gap["recovered"] is False
        home.leave()


@pytest.mark.fault(13)
def test_tls_cut_without_notice_is_a_reconnect(home: Home, tmp_path):
    authority = Authority()
    ca_file = str(authority.write(tmp_path))
    visits = itertools.count()

    async def story(peer):
        await peer.upgrade()
        if not next(visits):
            await peer.write(framed(TEXT, note(7).encode())[:9])
            peer.cut()
        await peer.say(note(7, title="whole"))
        await peer.hang()

    tls = authority.good()
    with scripted(home, story, tls, NOTIFYWS_CA_FILE=ca_file) as server:
        listener = home.start("listen", "-n", "1")
        assert listener.wait() == 0
        assert server.connections == 2
    assert "Disconnected: connection cut" in listener.err.text
    assert json.loads(listener.out.text)["title"] == "whole"


@pytest.mark.fault(14)
@pytest.mark.parametrize("ways", sample(("down",), ("up",), ("up", "down")))
def test_a_black_hole_is_noticed_within_interval_and_time_out(home, server, ways):
    with proxy(server.port) as (one, _):
        through(home, one)
        listener = home.listen()
        for way in ways:
            getattr(one, way).swallows = True
        began = time.monotonic()
        listener.says("Disconnected: no pong within 0.5 s")
        assert time.monotonic() - began < 1.5 + 0.5
        for way in ways:
            getattr(one, way).swallows = False
        listener.says("Connected", times=2)
        home.leave()


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd")) + len(os.listdir(f"/proc/{pid}/task"))


@pytest.mark.slow
@pytest.mark.fault(16)
def test_a_real_network_that_flaps_leaves_no_descriptor_behind(home, server):
    with proxy(server.port) as (one, thread):
        through(home, one, NOTIFYWS_RETRY_DELAYS="0.1", NOTIFYWS_JITTER="0")
        listener = home.listen("--json")
        server.notify(0)
        listener.prints(1)
        before = descriptors(listener.process.pid)
        for number in range(1, 13):
            one.refuses = number % 3 == 0
            thread.do(one.cut())
            if one.refuses:
                listener.says("Reconnecting", times=number + number // 3)
                one.refuses = False
            server.notify(number)
            listener.prints(number + 1)
        assert one.most_open == 1
        assert descriptors(listener.process.pid) <= before
        assert titles(listener.prints(13)) == [str(n) for n in range(13)]
        home.leave()


def ends_by(signum: int, listener: Running, *, within: float) -> None:
    """Demand that a signal ends a listener within some seconds."""
    began = time.monotonic()
    listener.signal(signum)
    assert listener.wait() == -signum
    assert time.monotonic() - began < within


async def never_logs_in(peer):
    while True:
        await peer.request()
        await asyncio.sleep(30)


BUSY = {
    "a connect": (silence, "Connecting to", {}),
    "a back-off": (never_logs_in, "Reconnecting in", {"NOTIFYWS_RETRY_DELAYS": "60"}),
    "a login": (never_logs_in, "Connecting to", {"NOTIFYWS_TOKEN": ""}),
}


@pytest.mark.fault(17)
@pytest.mark.parametrize("signum", sample(signal.SIGTERM, signal.SIGINT))
@pytest.mark.parametrize("busy", BUSY)
def test_a_signal_ends_it_within_2_s_whatever_it_does(home: Home, busy, signum):
    story, words, env = BUSY[busy]
    home.env |= {"WEBSOCKET_USERNAME": "demo", "WEBSOCKET_PASSWORD": "demo"}
    with scripted(home, story, **env) as server:
        url = "ws://127.0.0.1:9" if busy == "a back-off" else server.url
        listener = home.start("listen", "--url", url)
        listener.says(words)
        if busy != "a back-off":
            until(lambda: server.connections, "a connection")
        ends_by(signum, listener, within=2)
    assert "Traceback" not in listener.err.text


@pytest.mark.fault(17)
def test_a_signal_while_a_token_is_refreshed_ends_it_within_2_s(home: Home):
    async def story(peer):
        request = await peer.request()
        if request.target == "/auth/login":
            pair = {"accessToken": "a", "refreshToken": "r", "expiresIn": 900}
            await peer.write(json_answer(pair))
        elif request.target == "/auth/refresh":
            await peer.hang()
        else:
            await peer.upgrade(request)
            await peer.close(4401)

    env = {"WEBSOCKET_USERNAME": "demo", "WEBSOCKET_PASSWORD": "demo"}
    with scripted(home, story, NOTIFYWS_TOKEN="", **env) as server:
        assert home.within("token").returncode == 0
        listener = home.start("listen")
        refreshing = "/auth/refresh"
        until(lambda: server.requests[-1].target == refreshing, "a refresh")
        ends_by(signal.SIGTERM, listener, within=2)


def frozen(heard: list):
    """A server that reads everything and answers nothing."""

    async def story(peer):
        await peer.upgrade()
        while True:
            heard.append(await peer.read())

    return story


@pytest.mark.slow
@pytest.mark.fault(17)
@pytest.mark.parametrize("signum", sample(signal.SIGTERM, signal.SIGINT))
def test_a_frozen_peer_is_told_1000_and_left_within_2_s(home: Home, signum):
    heard: list = []
    usual = {"NOTIFYWS_PING_TIMEOUT": "10", "NOTIFYWS_CLOSE_TIMEOUT": "1.5"}
    with scripted(home, frozen(heard), **usual):
        listener = home.listen()
        ends_by(signum, listener, within=2)
    assert (CLOSE, (1000).to_bytes(2, "big")) in heard


@pytest.mark.fault(17)
def test_a_second_signal_forces(home: Home):
    heard: list = []
    patient = {"NOTIFYWS_PING_TIMEOUT": "10", "NOTIFYWS_CLOSE_TIMEOUT": "30"}
    with scripted(home, frozen(heard), **patient):
        listener = home.listen()
        listener.signal(signal.SIGTERM)
        goodbye = (CLOSE, (1000).to_bytes(2, "big"))
        until(lambda: goodbye in heard, "a goodbye")
        time.sleep(0.1)
        assert listener.process.poll() is None
        ends_by(signal.SIGTERM, listener, within=0.5)


class Publisher:
    """Publishes numbered notifications steadily, from a thread."""

    def __init__(self, server: Server, rate: int) -> None:
        self._server, self._rate = server, rate
        self._done = threading.Event()
        self.count = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Publisher:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._done.set()
        self._thread.join(10)

    def _run(self) -> None:
        began = time.monotonic()
        while not self._done.wait(0.02):
            due = int((time.monotonic() - began) * self._rate)
            self._server.notify(*range(self.count, due))
            self.count = max(self.count, due)


def renewing_by_a_new_socket(home: Home) -> str:
    folder = Path(notifyws.__file__).with_name("protocol") / "profiles"
    text = (folder / "default.toml").read_text().replace('"default"', '"own"', 1)
    (home.path / "own.toml").write_text(text + '\n[renewal]\nhow = "reconnect"\n')
    return "./own.toml"


@pytest.mark.fault(18)
@pytest.mark.slow
@pytest.mark.parametrize("rotations", [1, 3])
def test_rotations_at_100_a_second_lose_nothing_and_repeat_nothing(
    home: Home, rotations
):
    server = Server(access_ttl=2.0)
    try:
        home.use(server)
        listener = home.listen("--events", "--profile", renewing_by_a_new_socket(home))
        with Publisher(server, 100) as publisher:
            until(lambda: server.stats["refreshes"] >= rotations, "rotations")
            until(lambda: server.stats["connections"] > rotations, "new sockets")
            time.sleep(0.3)
        last = f'"title":"{publisher.count - 1}"'
        until(lambda: last in listener.out.text, "the last one")
        lines = [json.loads(line) for line in listener.out.lines]
        assert titles(lines) == [str(n) for n in range(publisher.count)]
        assert publisher.count > 100 * rotations
        assert [line["event"] for line in lines if "event" in line] == [
            "connecting",
            "connected",
        ]
        closes = server.stats["closes"]
        assert closes
        assert {each["code"] for each in closes} == {1000}
    finally:
        home.leave()
        server.stop()
