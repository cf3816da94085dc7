"""Five hundred a second through a line that is cut over and over, in real time."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.e2e.support import until
from tests.faults.support import memory, without_resume
from tests.support.proxy import proxy

RATE = 500
BATCH = 25
LEEWAY = 0.002
"""Gaps and births are told in milliseconds, each rounded its own way."""

pytestmark = [
    pytest.mark.fault(46, 13),
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc"),
]

CUTS = pytest.mark.parametrize(("seconds", "every"), [(4, 1.0), (60, 2.0)])


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


class Publisher:
    """Publishes numbered notifications at a steady rate; notes when each was sent."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/_dev/notify"
        self.between: list[tuple[float, float]] = []

    def publish(self, seconds: float) -> None:
        with httpx.Client(trust_env=False) as client:
            started, already = time.monotonic(), len(self.between)
            while (passed := time.monotonic() - started) < seconds:
                if len(self.between) - already >= passed * RATE:
                    time.sleep(0.002)
                    continue
                self._batch(client)

    def _batch(self, client: httpx.Client) -> None:
        first = len(self.between)
        body = [{"type": "t", "title": str(first + n)} for n in range(BATCH)]
        before = time.time()
        client.post(self._url, json=body).raise_for_status()
        self.between += [(before, time.time())] * BATCH


def listen_through_cuts(home, server, *, seconds: float, every: float, profile=None):
    """Return listener's figures: sent, shown numbers, and what was said as gaps."""
    chosen = [] if profile is None else ["--profile", profile]
    patience = {"NOTIFYWS_RETRY_DELAYS": "0.1", "NOTIFYWS_STABLE_AFTER": "0"}
    with proxy(server.port) as (line, thread):
        calm = thread.do(line.cut_every(every))
        home.use(line)
        listener = home.listen("--json", "--events", *chosen, **patience)
        pid = listener.process.pid
        publisher = Publisher(server.port)
        publisher.publish(seconds / 3)
        before = memory(pid), descriptors(pid)
        publisher.publish(seconds * 2 / 3)
        after = memory(pid), descriptors(pid)
        calm()
        _until_quiet(listener)
        publisher.publish(0.2)
        last = f'"title":"{len(publisher.between) - 1}"'
        until(lambda: last in listener.out.lines[-1], "the last one")
        listener.signal(signal.SIGTERM)
        listener.wait()
        assert line.cuts >= seconds / every / 2
    lines = [json.loads(line) for line in listener.out.lines]
    assert after[0] - before[0] < 16_000, (before, after)
    assert after[1] <= before[1] + 2, (before, after)
    return publisher.between, lines


def _until_quiet(listener) -> None:
    """Wait until it is connected and nothing has come for a second."""

    def quiet() -> bool:
        return time.monotonic() - listener.out.times[-1] > 1.2

    until(quiet, "quiet")


def titles(lines) -> list[int]:
    return [int(line["title"]) for line in lines if "event" not in line]


def assert_all_are_shown(sent, lines) -> None:
    assert titles(lines) == list(range(len(sent)))
    assert not [line for line in lines if line.get("event") == "gap"]


def assert_shown_or_in_gaps(sent, lines) -> None:
    shown = titles(lines)
    assert shown == sorted(set(shown)), "twice, or out of order"
    gaps = [(unix(x["from"]), unix(x["to"])) for x in lines if x.get("event") == "gap"]
    missing = set(range(len(sent))) - set(shown)
    for number in sorted(missing):
        born, done = sent[number]
        said = any(a - LEEWAY <= done and born <= b + LEEWAY for a, b in gaps)
        assert said, (number, sent[number], _nearest(gaps, born))
    assert missing
    assert len(shown) + len(missing) == len(sent)


def _nearest(gaps, moment: float):
    """Return the gap that begins or ends closest to a moment."""
    return min(gaps, key=lambda gap: min(abs(edge - moment) for edge in gap))


@pytest.mark.slow
@CUTS
def test_a_line_cut_over_and_over_loses_nothing_where_the_server_replays(
    home, server, seconds, every
):
    found = listen_through_cuts(home, server, seconds=seconds, every=every)
    assert_all_are_shown(*found)


@pytest.mark.slow
@CUTS
def test_a_line_cut_over_and_over_has_a_gap_for_all_that_is_lost(
    home, server, seconds, every
):
    how = {"seconds": seconds, "every": every, "profile": without_resume(home.path)}
    assert_shown_or_in_gaps(*listen_through_cuts(home, server, **how))
