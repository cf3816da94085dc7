"""A signal ends every command within two seconds, wherever it waits."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.support import COMMAND, until
from tests.support.catalogue import sample
from tests.support.httpd import Peer, in_a_thread

MOST = 2.0
"""Seconds."""
ASKING = (
    *("listen", "listen --json", "send -m x", "send -m x --wait type", "send --lines"),
    *("token", "token --refresh", "auth login", "auth whoami", "status --check"),
    "profile check default --url {url}",
)
CACHING = (*ASKING[:-1], "auth logout", "status", "status --listening")
PRINTING = (
    *("listen --json", "listen --raw", "send -m x --json", "token", "auth whoami"),
    *("status", "profile list", "profile schema", "profile check default", "--help"),
)
WITHOUT_KEYRING = {"NOTIFYWS_KEYRING": "off"}


@pytest.fixture
def started(home):
    """Start a command; end it with the test."""
    running = []

    def start(words: str, **how) -> subprocess.Popen:
        env = {**home.env, **WITHOUT_KEYRING, **how.pop("env", {})}
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        argv = [COMMAND, *words.split()]
        running.append(
            subprocess.Popen(argv, env=env, cwd=home.path, **{**pipes, **how})
        )
        return running[-1]

    yield start
    for each in running:
        each.kill()
        each.wait()
        if each.stdout is not None:
            each.stdout.close()


def ends(process: subprocess.Popen, signum: int = signal.SIGTERM) -> None:
    began = time.monotonic()
    process.send_signal(signum)
    assert process.wait(10) == -signum
    assert time.monotonic() - began < MOST


def waits(process: subprocess.Popen) -> bool:
    """Tell whether it has done nothing for a moment, and has not ended."""
    assert process.poll() is None
    before = cpu(process)
    time.sleep(0.2)
    return before > 3 and cpu(process) == before


def cpu(process: subprocess.Popen) -> int:
    text = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2]
    return sum(map(int, text.split()[11:13]))


@pytest.mark.parametrize("command", sample(*ASKING, often=3))
def test_a_server_that_says_nothing(home, started, command):
    async def silent(peer: Peer) -> None:
        await peer.hang()

    with in_a_thread(silent) as dead:
        env = {
            "WEBSOCKET_SERVER_URL": dead.url,
            "WEBSOCKET_USERNAME": "me",
            "WEBSOCKET_PASSWORD": "secret",
        }
        process = started(command.format(url=dead.url), env=env)
        until(lambda: dead.connections, "a connection")
        ends(process)


@pytest.mark.parametrize("command", sample(*CACHING, often=3))
def test_a_redis_that_says_nothing(home, started, command):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        silent.settimeout(10)
        env = {
            "REDIS_URL": url,
            "WEBSOCKET_SERVER_URL": "ws://127.0.0.1:1",
            "WEBSOCKET_USERNAME": "me",
            "WEBSOCKET_PASSWORD": "secret",
        }
        process = started(command, env=env)
        with silent.accept()[0]:
            ends(process)


@pytest.fixture
def full():
    """The end to write to of a pipe that nobody reads, and that is full."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(write, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(write, True)
    yield write
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("command", sample(*PRINTING, often=4))
def test_a_reader_of_stdout_that_has_stopped(home, server, started, full, command):
    server.dev("notify", [{"type": "t"}] * 5)
    since = " --since 0" if command.startswith("listen") else ""
    process = started(command + since, stdout=full)
    until(lambda: waits(process), "a full pipe")
    ends(process)


def test_a_reader_of_stderr_that_has_stopped(server, started, full):
    """Seen: the event loop waited for it; nothing was shown any more, for good."""
    process = started("listen --json --events -v", stderr=full, stdout=subprocess.PIPE)
    deadline = threading.Timer(20, process.kill)
    deadline.start()
    said = iter(process.stdout.readline, b"")
    next(line for line in said if b"connected" in line)
    for _ in range(3):
        server.dev("notify", [{"type": "t"}])
        next(line for line in said if b'"type": "t"' in line or b'"type":"t"' in line)
    deadline.cancel()
    ends(process)


def test_a_reader_of_stderr_that_has_stopped_holds_up_no_end(server, started, full):
    assert started("send -m x --timeout 5", stderr=full).wait(10) == 0
    assert started("token --no-such-option", stderr=full).wait(10) == 2


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_question_whose_terminal_is_given_back(home, server, terminal, signum):
    del home.env["WEBSOCKET_PASSWORD"]
    asking = terminal("auth", "login")
    asking.asks_hidden("Password for demo")
    ends(asking.process, signum)
    assert termios.tcgetattr(asking.slave) == asking.before


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_one_that_whoever_started_us_had_blocked_is_heard(home, server, signum):
    """Seen: SIGTERM did nothing, for ever. A mask outlives exec, as "ignore" does.

    What is ignored may be meant, as by nohup; a mask is what somebody forgot.
    """
    code = (
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK,"
        " range(1, 32)); os.execv(sys.argv[1], sys.argv[1:])"
    )
    program = (sys.executable, "-c", code, COMMAND)
    listener = home.start("listen", "--json", program=program)
    listener.says("Connected")
    begun = time.monotonic()
    assert listener.end(signum) == -signum
    assert time.monotonic() - begun < MOST
