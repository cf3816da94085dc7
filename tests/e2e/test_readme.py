"""Every command block of the README is run as it stands, against a real server.

Only names of places are replaced: the server of the examples by a development server,
``me`` by its user. Where a command would listen for ever, a shim ends it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.support import COMMAND, Home, Process

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
SHIM = """#!/bin/sh
case "$*" in
  listen) exec {command} listen --json -n 1 --timeout 20 ;;
  *) exec {command} "$@" ;;
esac
"""


def blocks(language: str, words: str) -> str:
    """Return the one block of a language that holds some words."""
    (found,) = [text for kind, text in BLOCKS if kind == language and words in text]
    return found


@pytest.fixture
def busy(home: Home) -> Process:
    server = home.serve("--traffic", "20")
    home.use(server)
    shim = home.path / "bin" / "notifyws"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(command=COMMAND))
    shim.chmod(0o755)
    home.env["PATH"] = f"{shim.parent}:{home.env['PATH']}"
    home.env["API_URL"] = f"http://127.0.0.1:{server.port}/_dev/stats"
    return server


def run_block(home: Home, server: Process, text: str) -> subprocess.CompletedProcess:
    text = text.replace("wss://ws.example.com", server.url)
    text = re.sub(r"USERNAME=me\b", "USERNAME=demo", text)
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        env=home.env,
        cwd=home.path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_block_is_covered_by_a_test_here():
    shells = [text for kind, text in BLOCKS if kind == "sh"]
    assert len(shells) == 6
    assert {kind for kind, _ in BLOCKS} == {"sh", "python", "toml", "mermaid"}


def test_the_recipe_for_a_real_server(home, busy):
    done = run_block(home, busy, blocks("sh", "export WEBSOCKET_SERVER_URL"))
    assert done.returncode == 0, done.stderr
    assert '"type"' in done.stdout
    assert busy.stats["logins"] == 1


def test_the_recipe_for_handing_on(home, busy):
    done = run_block(home, busy, blocks("sh", "tr a-z A-Z"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count('"TYPE":') == 2


def test_the_recipe_for_profiles(home, busy):
    done = run_block(home, busy, blocks("sh", "notifyws profile list"))
    assert done.returncode == 0, done.stderr
    assert "mattermost" in done.stdout
    assert "Wrote" in done.stderr


def test_the_recipes_for_scripts(home, busy):
    done = run_block(home, busy, blocks("sh", "notifyws send --lines"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"status":"delivered"') == 3
    assert '"logins"' in done.stdout


def test_the_library_example(home, busy):
    code = blocks("python", "NotificationService")
    code = code.replace("        async for notification in service:\n", ENDED)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=home.env,
        cwd=home.path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search("Trip|Payment|Message", done.stdout)
    assert "Id':" in done.stdout


ENDED = """\
        from itertools import count

        numbers = count()
        async for notification in service:
            if next(numbers) == 3:
                break
"""


def test_the_configuration_example_is_one(home, busy):
    text = blocks("toml", "default_server")
    text = text.replace("wss://ws.example.com", busy.url).replace('"me"', '"demo"')
    folder = home.path / ".config" / "notifyws"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)
    env = {"WEBSOCKET_SERVER_URL": "", "WEBSOCKET_USERNAME": ""}
    done = home.run("status", "-v", "--check", env=env)
    assert done.returncode == 0, done.stdout
    assert "[servers.work in config.toml]" in done.stdout
    assert "ping_interval = 20.0  [settings in config.toml]" in done.stdout


def test_make_demo_into_head_ends_quietly_with_three_lines(home):
    assert "make demo" in blocks("sh", "make demo")
    done = subprocess.run(
        ["bash", "-c", "make -s demo | head -3; echo ${PIPESTATUS[*]}"],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    *lines, codes = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith('{"type":"') for line in lines)
    assert codes == "0 0"
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "Connecting",
        "Connected",
    ]


def test_the_wheel_works_alone_in_an_empty_environment(home):
    assert "pipx install ." in blocks("sh", "pipx")
    uv = str(Path(sys.executable).with_name("uv"))
    place = home.path / "alone"
    steps = (
        [uv, "build", "-q", "--wheel", "--out-dir", str(home.path), str(ROOT)],
        [uv, "venv", "-q", "--python", sys.executable, str(place)],
    )
    trusting = {**os.environ, "UV_SYSTEM_CERTS": "1"}  # as the Makefile does
    for step in steps:
        subprocess.run(step, check=True, timeout=120, env=trusting)
    (wheel,) = home.path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    assert "notifyws/py.typed" in names
    assert "notifyws/protocol/profiles/default.toml" in names
    assert not [name for name in names if name.startswith(("tests", "scripts"))]
    install = [uv, "pip", "install", "-q", "--python", str(place), str(wheel)]
    subprocess.run(install, check=True, timeout=180, env=trusting)
    alone = str(place / "bin" / "notifyws")
    demo = subprocess.run(
        [alone, "listen", "--demo"],
        env=home.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 2
    assert "hint: pip install 'notifyws[server]'" in demo.stderr
    server = home.serve()
    home.use(server)
    sent = subprocess.run(
        [alone, "send", "-m", "x", "--json"],
        env=home.env,
        capture_output=True,
        check=False,
    )
    assert sent.returncode == 0
    click = [str(place / "bin" / "python"), "-c", "import click"]
    assert subprocess.run(click, capture_output=True, check=False).returncode == 1
