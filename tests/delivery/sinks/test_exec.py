"""A command for each notification; the faults suite tries what hooks do wrong."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from pathlib import Path

import pytest

from notifyws.delivery.sinks.exec import PASSED, ExecSink, argv_of, hook_environment
from notifyws.delivery.sinks.hook_process import LINE, HookProcess
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification

NOTE = Notification({"type": "t", "title": "Café", "id": 7, "link": "/x"}, "then")


def python(code, *, told=None, timeout=10.0, environment=None):
    argv = [sys.executable, "-S", "-E", "-c", f"import os, sys, time\n{code}"]
    told = told if told is not None else []
    return ExecSink(argv, environment or {}, timeout, told.append)


def test_a_command_is_split_as_a_shell_would():
    assert argv_of("echo 'the team' --now") == ["echo", "the team", "--now"]


@pytest.mark.parametrize("command", ["", "   ", "un'closed"])
def test_a_command_that_says_nothing_is_refused(command):
    with pytest.raises(ConfigurationError, match="--exec"):
        argv_of(command)


@pytest.mark.parametrize(
    "name",
    [
        *("WEBSOCKET_PASSWORD", "NOTIFYWS_TOKEN", "REDIS_URL", "NOTIFYWS_VARIABLES"),
        *("NEXT_PUBLIC_WEBSOCKET_SERVER_URL", "HOOK_SECRET", "HTTPS_PROXY", "path"),
        *("NOTIFY_SOCKET", "AWS_SECRET_ACCESS_KEY", "PATHS"),
    ],
)
def test_of_our_environment_it_sees_what_is_listed_and_nothing_else(name):
    listed = {"PATH": "/bin", "LC_ALL": "C", "XDG_RUNTIME_DIR": "/run"}
    assert hook_environment({**listed, name: "wss://x/?access_token=s"}) == listed


def test_what_it_sees_of_our_environment_stands_in_the_documentation():
    page = Path(__file__).parents[3].joinpath("docs/handing-on.md").read_text("utf-8")
    names = PASSED.replace(".*", "*").split("|")
    assert [name for name in names if f"`{name}`" not in page] == []


async def test_it_gets_the_line_on_stdin_and_fields_in_its_environment():
    told = []
    code = (
        "print(sys.stdin.read().strip()); e = os.environ\n"
        "print(e['NOTIFICATION_TITLE'], e['NOTIFICATION_ID'], e['NOTIFICATION_LINK'],"
        " e['NOTIFICATION_TIMESTAMP'], repr(e['NOTIFICATION_MESSAGE']), e['OWN'])"
    )
    sink = python(code, told=told, environment={"OWN": "mine"})
    await sink.deliver(NOTE)
    assert told == [NOTE.line(), "Café 7 /x then '' mine"]


async def test_what_it_prints_is_told_line_by_line_however_long():
    told = []
    sink = python(f"print('a'); print('b' * {LINE + 5}, end='')", told=told)
    await sink.deliver(NOTE)
    assert told[0] == "a"
    assert "".join(told[1:]) == "b" * (LINE + 5)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("sys.exit(3)", "ended with 3"),
        ("os.kill(os.getpid(), 9)", "was killed by signal 9"),
    ],
)
async def test_an_end_that_is_no_success_is_said(code, words):
    sink = python(code)
    with pytest.raises(DeliveryFailed, match=words) as caught:
        await sink.deliver(NOTE)
    assert not caught.value.final


async def test_a_command_that_is_not_there_is_not_tried_again():
    sink = ExecSink(["/no/such/command"], {}, 1.0, pytest.fail)
    with pytest.raises(DeliveryFailed, match="cannot run") as caught:
        await sink.deliver(NOTE)
    assert caught.value.final


async def test_it_is_killed_when_it_takes_too_long():
    sink = python("time.sleep(60)", timeout=0.2)
    with pytest.raises(DeliveryFailed, match=r"longer than 0\.2 s"):
        await sink.deliver(NOTE)


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_the_end_of_the_listener_is_the_end_of_its_hooks():
    told = []
    sink = python("print(os.getpid(), flush=True); time.sleep(60)", told=told)
    running = asyncio.create_task(sink.deliver(NOTE))
    while not told:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await sink.aclose()
    async with asyncio.timeout(5):  # it is killed at once, and reaped a little later
        while lives(int(told[0])):
            await asyncio.sleep(0.01)


async def test_it_sees_no_file_that_was_handed_to_us_or_is_ours(tmp_path):
    with (tmp_path / "handed").open("w") as handed:
        os.set_inheritable(handed.fileno(), True)
        sink = python(
            "print(*sorted(os.listdir('/dev/fd'), key=int))", told=(told := [])
        )
        await sink.deliver(NOTE)
    assert told == ["0 1 2 3"]  # and that of the list itself


async def test_where_the_system_cannot_say_so_a_thread_waits_for_its_end(monkeypatch):
    def refused(*_):
        raise OSError(errno.ENOSYS, "no such call")

    monkeypatch.setattr(os, "pidfd_open", refused, raising=False)
    with pytest.raises(DeliveryFailed, match="ended with 3"):
        await python("sys.exit(3)").deliver(NOTE)


async def test_one_that_cannot_be_killed_is_left_and_said(monkeypatch):
    """Another user's, as behind sudo: here nobody signals it at all."""
    sink = python("time.sleep(9)", timeout=0.2)
    with monkeypatch.context() as patched:
        patched.setattr(HookProcess, "signal", lambda self, signum: None)
        with pytest.raises(DeliveryFailed, match=r"than 0.2 s, and cannot be killed"):
            await sink.deliver(NOTE)
    await sink.aclose()
