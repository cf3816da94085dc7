"""A server that goes and comes back: delays, states, replay, giving up."""

from __future__ import annotations

import json
import re
import signal
import time

import pytest

from tests.e2e.support import Home, until


@pytest.mark.slow
def test_a_killed_server_is_found_again_and_nothing_is_lost_or_repeated(home: Home):
    state = ("--state", str(home.path / "state"))
    server = home.serve(*state)
    home.use(server)
    listener = home.listen("--json", "--events", "--tee", "kept")
    server.notify(1, 2, 3)
    listener.prints(5)
    server.signal(signal.SIGKILL)
    server.stop()
    listener.says("attempt 3")
    again = home.serve(*state, port=server.port)
    again.notify(4, 5, 6)
    listener.says("Connected", times=2)
    again.notify(7)
    lines = until(lambda: finished(listener.out.lines), "number 7")
    titles = [line["title"] for line in lines if "type" in line]
    assert titles == ["1", "2", "3", "4", "5", "6", "7"]
    assert not [line for line in lines if line.get("event") == "gap"]
    kept = (home.path / "kept").read_text().splitlines()
    assert [json.loads(line)["title"] for line in kept] == titles
    waits = [line for line in lines if line.get("event") == "reconnecting"]
    assert [w["attempt"] for w in waits[:3]] == [1, 2, 3]
    for wait, nominal in zip(waits, (1, 2, 4), strict=False):
        assert nominal / 2 <= wait["delay"] <= nominal
    for number, nominal in ((1, 1), (2, 2)):
        assert nominal / 2 - 0.05 <= waited(listener, number) <= nominal + 0.5


def finished(lines: list[str]) -> list[dict] | None:
    found = [json.loads(line) for line in list(lines)]
    return found if found and found[-1].get("title") == "7" else None


def waited(listener, attempt: int) -> float:
    """Return the seconds between an announced wait and the attempt after it."""
    events = [json.loads(line).get("event") for line in listener.out.lines]
    at = [n for n, event in enumerate(events) if event == "reconnecting"][attempt - 1]
    return listener.out.times[at + 1] - listener.out.times[at]


@pytest.mark.slow
def test_max_retries_3_gives_up_with_exit_5_after_1_2_4_s(home, process):
    listener = home.listen("--max-retries", "3", NOTIFYWS_JITTER="0")
    began = time.monotonic()
    process.signal(signal.SIGKILL)
    assert listener.wait() == 5
    assert time.monotonic() - began >= 6.9
    announced = re.findall(r"Reconnecting in (\S+) s", listener.err.text)
    assert announced == ["1", "2", "4"]
    assert "gave up after 3 reconnects" in listener.err.text
    assert "hint: " in listener.err.text
