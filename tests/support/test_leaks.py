"""A test that leaves something open fails itself, and not the one after it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

LEAKS = """
import asyncio, socket, subprocess, threading
from tests.support import leaks
leaks.GRACE = 0.1
kept = []

def test_a_socket_that_is_kept():
    kept.append(socket.socket())

def test_a_socket_that_is_forgotten_in_a_circle():
    circle = [socket.socket()]
    circle.append(circle)

def test_a_transport():
    async def story():
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        kept.append(transport)
    asyncio.run(story())

def test_a_task():
    loop = asyncio.new_event_loop()
    loop.create_task(asyncio.sleep(9))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

def test_a_loop():
    asyncio.new_event_loop()

def test_a_process():
    kept.append(subprocess.Popen(["sleep", "9"]))

def test_a_thread():
    threading.Thread(target=threading.Event().wait, args=(9,), daemon=True).start()

def test_nothing():
    circle = []
    circle.append(circle)
    with socket.socket():
        pass
    subprocess.run(["true"])
    thread = threading.Thread(target=int)
    thread.start()
"""


@pytest.mark.slow
def test_each_leak_fails_the_very_test_that_leaves_it(tmp_path: Path):
    (tmp_path / "test_leaking.py").write_text(LEAKS)
    alone = ("-c", "/dev/null", "--rootdir", str(tmp_path), "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-rE", *alone]
    done = subprocess.run(
        [*command, "-p", "tests.support.leaks", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    failed = re.findall(r"^ERROR \S+::(\w+)", done.stdout, re.MULTILINE)
    assert failed == re.findall(r"def (test_a_\w+)", LEAKS), done.stdout
    assert f"8 passed, {len(failed)} errors" in done.stdout
