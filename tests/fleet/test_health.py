"""Alive is a loop that runs; of use is whoever notifications can come to."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from types import SimpleNamespace

import pytest

from notifyws.fleet.health import STALLED, Health, Systemd
from tests.support.virtual import in_virtual_time, now


def listener(state="connected", has_leader=None, label=""):
    group = None if has_leader is None else SimpleNamespace(has_leader=has_leader)
    auth = SimpleNamespace(label=label)
    return SimpleNamespace(state=state, group=group, auth=auth)


@in_virtual_time
async def test_a_loop_that_ticks_is_alive_whatever_the_server_does():
    health = Health([listener("reconnecting")], now)
    ticking = asyncio.create_task(health.tick())
    for _ in range(10):
        await asyncio.sleep(60)
        assert health.alive() == (True, "ok")
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)


def test_a_loop_that_has_not_ticked_for_too_long_is_stalled():
    time = [1000.0]
    health = Health([listener()], lambda: time[0])
    time[0] += STALLED
    assert health.alive() == (True, "ok")
    time[0] += 0.1
    assert health.alive() == (False, "stalled")


READY = [
    ("connected", None, (True, "ready")),
    ("connected", False, (True, "ready")),
    ("disconnected", True, (True, "ready")),
    ("connecting", None, (False, "connecting")),
    ("reconnecting", None, (False, "reconnecting")),
    ("disconnected", None, (False, "disconnected")),
    ("reconnecting", False, (False, "leaderless")),
]


@pytest.mark.parametrize(("state", "has_leader", "answer"), READY)
def test_it_is_ready_when_connected_or_when_its_group_has_a_leader(
    state, has_leader, answer
):
    assert Health([listener(state, has_leader)], lambda: 0.0).ready() == answer


def test_of_several_servers_the_first_that_is_away_is_named():
    up, away = listener(label="work"), listener("reconnecting", label="home")
    assert Health([up, up], lambda: 0.0).ready() == (True, "ready")
    answer = (False, "home: reconnecting")
    assert Health([up, away, away], lambda: 0.0).ready() == answer


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    if request.param == "abstract" and sys.platform != "linux":
        pytest.skip("only Linux has abstract sockets")
    name = f"@notifyws-{os.getpid()}"
    path = str(tmp_path / "s") if request.param == "path" else name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(path.replace("@", "\0") if path.startswith("@") else path)
        line.settimeout(2)
        yield path, line


def test_it_is_told_what_happens_and_no_child_can_tell_it(manager):
    environ = {"NOTIFY_SOCKET": manager[0], "WATCHDOG_USEC": "1", "HOME": "/"}
    systemd = Systemd(environ)
    assert environ == {"HOME": "/"}
    systemd.tell("STATUS=Connected\nREADY=1")
    assert manager[1].recv(999) == b"STATUS=Connected READY=1"


@in_virtual_time
async def test_the_watchdog_is_fed_at_half_its_interval(manager):
    usec = {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}
    systemd = Systemd({"NOTIFY_SOCKET": manager[0], **usec})
    task = asyncio.create_task(systemd.stay_alive())
    await asyncio.sleep(25)
    task.cancel()
    assert [manager[1].recv(999) for _ in range(3)] == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(("pid", "usec"), [("1", "9"), ("", "x"), ("", "0")])
def test_a_watchdog_that_is_not_ours_is_not_fed(pid, usec):
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": usec, "WATCHDOG_PID": pid}
    assert Systemd(environ).watchdog is None


@pytest.mark.parametrize("path", ["", "/nonesuch/socket", "/" + "x" * 200])
def test_nobody_to_tell_is_no_fault(path):
    Systemd({"NOTIFY_SOCKET": path}).tell("READY=1")
