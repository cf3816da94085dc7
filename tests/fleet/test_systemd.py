"""What systemd is told, over real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

import pytest

from notifyws.fleet.systemd import Systemd
from tests.support.virtual import in_virtual_time


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
    systemd.ready()
    systemd.status("Connected\nREADY=1")
    systemd.stopping()
    heard = [manager[1].recv(999) for _ in range(3)]
    assert heard == [b"READY=1", b"STATUS=Connected READY=1", b"STOPPING=1"]


@in_virtual_time
async def test_the_watchdog_is_fed_at_half_its_interval(manager):
    usec = {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}
    systemd = Systemd({"NOTIFY_SOCKET": manager[0], **usec})
    task = asyncio.create_task(systemd.stay_alive(asyncio.sleep))
    await asyncio.sleep(25)
    task.cancel()
    assert [manager[1].recv(999) for _ in range(3)] == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(("pid", "usec"), [("1", "9"), ("", "x"), ("", "0")])
def test_a_watchdog_that_is_not_ours_is_not_fed(pid, usec):
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": usec, "WATCHDOG_PID": pid}
    assert Systemd(environ).watchdog is None


@pytest.mark.parametrize("path", ["", "/nonesuch/socket", "/" + "x" * 200])
def test_nobody_to_tell_is_no_fault(path):
    Systemd({"NOTIFY_SOCKET": path}).ready()
