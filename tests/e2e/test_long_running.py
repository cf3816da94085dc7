"""A listener that runs for months: its signs of life, its manager, its health check."""

from __future__ import annotations

import json
import signal
import socket

import pytest

from tests.e2e.support import Home, Process, Server, until
from tests.support.catalogue import sample


def listeners(home: Home) -> list:
    return json.loads(home.within("status", "--json").stdout)["listeners"]


@pytest.mark.parametrize("cache", sample("redis", "embedded"))
def test_a_running_listener_is_listed_and_leaves_when_it_ends(
    home: Home, server: Server, cache, clean_valkey
):
    if cache == "redis":
        home.env["REDIS_URL"] = clean_valkey.url
    assert listeners(home) == []
    listener = home.listen("--name", "desk")
    server.notify(1)
    listener.prints(1)
    (told,) = until(lambda: listeners(home), "a sign of life")
    assert told["name"] == "desk"
    assert told["pid"] == listener.process.pid
    assert told["state"] == "connected"
    assert told["reconnects"] == 0
    assert "desk" in home.within("status").stdout
    listener.end()
    assert listeners(home) == []


@pytest.mark.slow
def test_the_health_check_says_by_its_exit_code_whether_one_listens(
    home: Home, process: Process
):
    nobody = home.run("status", "--listening")
    assert nobody.returncode == 5
    assert "hint: " in nobody.stderr
    home.env["NOTIFYWS_RETRY_DELAYS"] = "30"
    home.listen("--name", "desk")
    check = ("status", "--listening")
    until(lambda: home.within(*check).returncode == 0, "a healthy listener")
    assert home.within(*check, "--name", "desk").returncode == 0
    assert home.within(*check, "--name", "other").returncode == 5
    process.process.kill()
    until(lambda: home.within(*check).returncode == 5, "one that is not connected")


def test_a_service_manager_is_told_how_things_stand(home: Home, server: Server):
    address = str(home.path / "manager")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(10)
        listener = home.start("listen", NOTIFY_SOCKET=address, WATCHDOG_USEC="200000")
        heard = ""
        while not (
            "READY=1" in heard
            and "STATUS=Connected to 127.0.0.1" in heard
            and heard.count("WATCHDOG=1") >= 3
        ):
            heard += manager.recv(4096).decode() + "\n"
        listener.signal(signal.SIGTERM)
        while "STOPPING=1" not in heard:
            heard += manager.recv(4096).decode() + "\n"
        assert listener.wait() == -signal.SIGTERM


@pytest.mark.slow
def test_what_was_not_handed_on_is_told_as_a_gap(home: Home, server: Server):
    home.env["NOTIFYWS_QUEUE_DISK"] = "2000"
    listener = home.listen("--exec", "sleep 0.2", "--name", "desk")
    large = {"type": "t", "title": "large", "message": "x" * 500}
    server.dev("notify", [large] * 6)
    listener.says("exec is too slow")
    until(lambda: server.notify(7) or "may have been missed" in listener.err.text, "it")
    (told,) = until(lambda: [each for each in listeners(home) if each["gaps"]], "a gap")
    assert "too slow" in told["lastGap"]["reason"]
    assert "too slow" in home.within("status").stdout


def test_sending_is_not_listening(home: Home, server: Server):
    assert home.within("send", "-m", "x").returncode == 0
    assert listeners(home) == []
