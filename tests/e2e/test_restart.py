"""A server that goes and comes back: delays, states, replay, giving up."""

from __future__ import annotations

import json
import re
import signal
import time

import httpx
import pytest

from tests.e2e.support import Home, until


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


def test_states_and_attempts_are_told_once_each(home, process):
    listener = home.listen("--json")
    process.signal(signal.SIGKILL)
    listener.says("Reconnecting", times=2)
    listener.signal(signal.SIGTERM)
    listener.wait()
    told = listener.err.lines
    assert [line.split()[0] for line in told] == [
        "Connecting",
        "Connected",
        "Disconnected:",
        "Reconnecting",
        "Connecting",
        "Reconnecting",
    ]
    assert re.fullmatch(r"Reconnecting in [\d.]+ s \(attempt 1\): .*", told[3])
    assert re.fullmatch(r"Reconnecting in [\d.]+ s \(attempt 2\): .*", told[5])


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


@pytest.mark.slow
def test_a_server_that_accepts_and_drops_is_not_hammered(home: Home):
    server = home.serve("--flaky", "0.05")
    home.use(server)
    listener = home.start("listen", "--json")
    began = time.monotonic()
    time.sleep(4.2)
    made = server.stats["connections"]
    assert made <= 4, time.monotonic() - began
    assert listener.process.poll() is None


def test_without_ids_an_interruption_is_said_as_a_gap(home, server):
    listener = home.listen("--json", "--events")
    server.dev("raw", {"text": '{"type":"t","title":"no id"}'})
    server.dev("cut", {})
    listener.says("Gap")
    until(lambda: '"gap"' in listener.out.text, "the gap's line")
    gap = next(json.loads(x) for x in listener.out.lines if '"gap"' in x)
    assert gap["recovered"] is False
    assert gap["from"] < gap["to"]


def test_a_history_that_is_too_short_is_said_as_a_gap(home, process):
    listener = home.listen("--json", "--events")
    process.notify(1)
    listener.prints(3)
    port = process.port
    process.signal(signal.SIGKILL)
    process.stop()
    again = home.serve(port=port)
    listener.says("Gap")
    again.notify(2)
    until(lambda: '"title":"2"' in listener.out.text, "the next one")


def test_the_token_is_renewed_when_it_is_refused_on_a_live_socket(home, server):
    listener = home.listen("--json", NOTIFYWS_STABLE_AFTER="0.2")
    time.sleep(0.3)
    server.dev("revoke", {})
    server.dev("cut", {"code": 4401, "reason": "token expired"})
    listener.says("Connected", times=2)
    assert server.stats["refreshes"] == 1
    assert server.stats["logins"] == 1


@pytest.mark.slow
def test_a_flaky_server_loses_nothing(home: Home):
    server = home.serve("--flaky", "1")
    home.use(server)
    listener = home.listen("--json", NOTIFYWS_STABLE_AFTER="0.1", NOTIFYWS_JITTER="1")
    for number in range(150):
        try:
            server.notify(number)
        except httpx.TransportError:
            raise AssertionError("the server died") from None
        time.sleep(0.01)
    lines = listener.prints(150)
    assert [line["title"] for line in lines] == [str(n) for n in range(150)]
