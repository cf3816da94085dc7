"""The blocks of docs/recipes.md and docs/sending.md, each run as it stands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import COMMAND, Home, Server, until
from tests.support.target import target

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
RECIPES = BLOCK.findall((DOCS / "recipes.md").read_text("utf-8"))
SENDING = BLOCK.findall((DOCS / "sending.md").read_text("utf-8"))

with_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


def block(words: str, language: str = "sh") -> str:
    """Return the one block that holds some words."""
    (found,) = [t for kind, t in RECIPES + SENDING if kind == language and words in t]
    return found


@pytest.fixture(scope="module")
def lively() -> Iterator[Server]:
    """A server where something happens all the time."""
    server = Server(traffic=20)
    yield server
    server.stop()


@pytest.fixture
def busy(home: Home, lively: Server) -> Iterator[Server]:
    home.use(lively)
    folder = home.path / "bin"
    folder.mkdir()
    (folder / "notifyws").symlink_to(COMMAND)
    home.env["PATH"] = f"{folder}:{home.env['PATH']}"
    yield lively
    home.leave()


def run(home: Home, text: str, **env: str) -> str:
    """Run a block; return what it prints."""
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        env={**home.env, **env},
        cwd=home.path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_block_is_covered_by_a_test_here():
    assert [kind for kind, _ in RECIPES].count("sh") == 8
    assert [kind for kind, _ in SENDING].count("sh") == 3
    assert {kind for kind, _ in RECIPES + SENDING} == {"sh", "ini", "python"}


def test_lines_of_one_s_own(home, busy):
    *lines, first, second = run(home, block("--format '{time}")).splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d [\w ]+: .+", line) for line in lines)
    assert (first + second).isdigit()


def test_a_token_and_the_status_in_a_shape(home, busy):
    left, status = run(home, block("token --query")).splitlines()
    assert 0 < int(left) <= 900
    assert re.fullmatch(rf"{busy.url} \d+", status)


@with_jq
def test_jq(home, busy):
    lines = run(home, block("jq -r")).splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"\w+\t[\w ]+", line) for line in lines)


@pytest.mark.slow
def test_the_last_hour(home, busy):
    assert json.loads(run(home, block("--since 1h")))["title"]


def test_wait_for_one_in_ci(home, busy):
    assert run(home, block("answer.json")) == ""
    for name in ("trip.json", "answer.json"):
        seen = json.loads((home.path / name).read_text())
        assert seen["type"] == "trip_update"


@pytest.mark.slow
@with_jq
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_chat_webhook(home, busy):
    with target() as chat:
        run(home, block("to-chat"), CHAT_WEBHOOK_URL=chat.url)
        texts = [json.loads(posted.body)["text"] for posted in chat.posted]
    assert len(texts) == 2
    assert all(re.fullmatch(r"[\w ]+: .+", text) for text in texts)


@pytest.mark.slow
def test_a_desktop_toast(home, busy):
    stand_in = home.path / "bin" / "notify-send"
    stand_in.write_text('#!/bin/sh\nprintf "%s|" "$@" > toast\n')
    stand_in.chmod(0o755)
    seen = json.loads(run(home, block("notify-send")))
    shown = (home.path / "toast").read_text()
    assert shown == f"--|{seen['title']}|{seen['message']}|"


def test_the_unit_is_one_and_its_command_parses(home):
    unit = block("ExecStart", "ini")
    command = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert command is not None
    _, name, *options = shlex.split(command[1])
    assert name == "listen"
    listen = _root().get_command(None, "listen")
    assert listen.make_context("listen", options).params["name"] == "%i"


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd here"
)
def test_systemd_finds_nothing_wrong_with_the_unit(home):
    place = home.path / ".local" / "bin" / "notifyws"
    place.parent.mkdir(parents=True)
    place.symlink_to(COMMAND)
    unit = home.path / "notifyws@work.service"
    unit.write_text(block("ExecStart", "ini").replace("%h", str(home.path)))
    done = subprocess.run(
        ["systemd-analyze", "--man=no", "verify", str(unit)],
        env={**home.env, "XDG_RUNTIME_DIR": str(home.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    about_it = [line for line in done.stderr.splitlines() if "notifyws@" in line]
    assert (done.returncode, about_it) == (0, [])


def _root():
    from notifyws.cli.app import root_command

    return root_command()


@pytest.mark.slow
def test_a_health_check(home, busy):
    check = block("status --listening")
    failed = subprocess.run(
        ["bash", "-c", check], env=home.env, capture_output=True, check=False
    )
    assert failed.returncode == 5
    home.listen("--json", "--name", "desk")
    until(lambda: "healthy" in run(home, f"{check.strip()} || true"), "good health")


@pytest.mark.slow
def test_the_ways_to_send_one(home, busy):
    frame = json.loads(run(home, block("stops:=")))
    assert frame["type"] == "payment_approved"
    assert frame["payload"]["data"]["amount"] == 25.0


@pytest.mark.slow
def test_waiting_for_what_comes_back(home, busy):
    first, second = run(home, block("anybody there?")).splitlines()
    assert json.loads(first)["type"] == "trip_update"
    assert second.startswith('{"status":"delivered","type":"notification","roundTripMs')


@pytest.mark.slow
def test_many_messages(home, busy):
    assert run(home, block("messages.jsonl")).count('"status":"delivered"') == 3
