"""``--verify-every`` beside a real server, behind a proxy that withholds frames.

It answers pings like any other, so that nothing else can find out.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator

import pytest

from tests.e2e.support import Home, Running, Server, until
from tests.support.proxy import Proxy, proxy
from tests.support.valkey import Valkey

OFTEN = ("--json", "--events", "--verify-every", "1s")


@pytest.fixture
def withholding(home: Home, server: Server) -> Iterator[Proxy]:
    """Nothing passes on the first socket of a listener after two notifications."""
    with proxy(server.port) as (one, _):
        one.passes = lambda number, frame: number > 1 or frame <= 2
        home.env["WEBSOCKET_SERVER_URL"] = one.url
        yield one
        home.leave()


def titles(listener: Running) -> list[int]:
    lines = listener.said
    return [int(line["title"]) for line in lines if "title" in line]


def events(listener: Running, name: str) -> list[dict]:
    lines = listener.said
    return [line for line in lines if line.get("event") == name]


def goes_deaf(server: Server, listener: Running) -> None:
    server.notify(1, 2)
    until(lambda: titles(listener) == [1, 2], "what comes as it should")
    server.notify(3, 4, 5)
    until(lambda: titles(listener) == [1, 2, 3, 4, 5], "what was withheld")
    [gap] = events(listener, "gap")
    assert gap["recovered"]
    assert gap["reason"] == "the socket was open and did not bring 3 notifications"
    server.notify(6)
    until(lambda: titles(listener)[-1] == 6, "what the next socket brings")
    assert titles(listener) == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_one_with_a_name_finds_out_that_its_socket_is_deaf(
    home: Home, server: Server, withholding: Proxy
):
    listener = home.listen("--name", "desk", *OFTEN)
    goes_deaf(server, listener)
    assert (
        "were recovered (the socket was open and did not bring 3" in listener.err.text
    )

    def told():
        [one] = json.loads(home.within("status", "--json").stdout)["listeners"]
        return one["deaf"] == 1 and one["recovered"] == 3 and one["verifiedAt"]

    until(told, "a sign of life that says so")
    assert "1 deaf socket renewed and 3 recovered" in home.within("status").stdout


@pytest.mark.slow
def test_the_leader_of_a_group_finds_out_that_its_socket_is_deaf(
    home: Home, server: Server, withholding: Proxy, clean_valkey: Valkey
):
    home.env |= {"REDIS_URL": clean_valkey.url}
    leader = home.start("listen", "--group", "workers", *OFTEN)
    leader.says("Connected")
    goes_deaf(server, leader)


@pytest.mark.slow
def test_a_member_of_a_group_that_cannot_be_verified_is_refused(
    home: Home, server: Server, clean_valkey: Valkey
):
    home.env |= {"REDIS_URL": clean_valkey.url, "NOTIFYWS_VERIFY_EVERY": "300"}
    done = home.within("listen", "--group", "workers", "--profile", "mattermost")
    assert done.returncode == 2
    assert "--verify-every: a server of profile mattermost" in done.stderr


@pytest.mark.slow
def test_a_minute_of_deaf_sockets_cut_lines_and_dropped_frames_loses_nothing(
    home: Home, server: Server
):
    """On listening sockets every fiftieth is withheld, of every third all."""
    count = itertools.count(1)
    with proxy(server.port) as (one, thread):

        def passes(number: int, frame: int) -> bool:
            if not one.is_alone(number):
                return True  # a second connection, by which it is found out
            return next(count) % 50 != 0 and (number % 3 != 0 or frame < 20)

        one.passes = passes
        home.env["WEBSOCKET_SERVER_URL"] = one.url
        listener = home.listen("--json", "--name", "desk", "--verify-every", "2s")
        stop_cutting = thread.do(one.cut_every(13))
        end, sent = time.monotonic() + 60, 0
        while time.monotonic() < end:
            server.notify(*range(sent, sent + 5))
            sent += 5
            time.sleep(0.25)
        stop_cutting()
        until(lambda: len(titles(listener)) >= sent, "all of them", 60)
        assert sorted(titles(listener)) == list(range(sent))
        assert one.withheld > 20
        home.leave()
