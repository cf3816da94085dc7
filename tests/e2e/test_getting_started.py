"""The pages for newcomers are true: what they have typed works, in one go."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from notifyws.cli.app import root_command
from tests.e2e.support import COMMAND, Home, Server

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = {
    name: (ROOT / "docs" / name).read_text("utf-8")
    for name in ("getting-started.md", "completions.md")
}
SHIM = """#!/bin/sh
case "$1" in
  listen) exec {command} "$@" --json -n 1 --timeout 20 ;;
  *) exec {command} "$@" ;;
esac
"""


def blocks(page: str) -> list[str]:
    return [text for kind, text in FENCE.findall(PAGES[page]) if kind == "sh"]


def block(page: str, words: str) -> str:
    (found,) = [text for text in blocks(page) if words in text]
    return found


def run(home: Home, text: str) -> subprocess.CompletedProcess[str]:
    shim = home.path / "bin" / "notifyws"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(command=COMMAND))
    shim.chmod(0o755)
    path = f"{shim.parent}:{home.env['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        env={**home.env, "PATH": path, "PASSWORD": "demo"},
        cwd=home.path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def unknown():
    """A server that nothing is configured for."""
    started = Server(traffic=20)
    yield started
    started.stop()


def test_the_script_saves_a_server_checks_it_sends_and_listens(home, unknown):
    text = block("getting-started.md", "--name work")
    text = text.replace("wss://ws.example.com", unknown.url)
    done = run(home, text.replace("--username me", "--username demo"))
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Saved as server work" in done.stderr
    assert "✔ ping" in done.stdout
    assert '{"type":' in done.stdout
    assert unknown.stats["logins"] == 1


@pytest.mark.slow
def test_the_recipe_for_a_server_of_ones_own(home, unknown):
    text = block("getting-started.md", "--name dev")
    done = run(home, text.replace("ws://127.0.0.1:8765", unknown.url))
    assert done.returncode == 0, done.stderr
    assert '{"type":' in done.stdout


def test_the_other_blocks_say_what_there_is():
    assert len(blocks("getting-started.md")) == 7
    assert "make demo\n" in blocks("getting-started.md")  # run by the README's tests
    extras = re.findall(r"\[([\w,]+)\]'", block("getting-started.md", "pipx"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    known = set(project["optional-dependencies"])
    assert {each for names in extras for each in names.split(",")} <= known
    files = re.findall(r"completions/notifyws\.\w+", PAGES["completions.md"])
    assert all((ROOT / name).is_file() for name in files)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_of_the_page_exists(page):
    for line in "".join(blocks(page)).splitlines():
        for part in line.split("|"):
            words = shlex.split(part, comments=True)
            if words[:1] == ["notifyws"]:
                assert unknown_words(words[1:]) == [], line


def unknown_words(words: list[str]) -> list[str]:
    """The options, and the command, that the application does not know."""
    command = root_command()
    while words and hasattr(command, "commands"):
        below = command.get_command(None, words[0])
        if below is None:
            break
        command, words = below, words[1:]
    known = {option for param in command.params for option in param.opts}
    return [word for word in words if word.startswith("-") and word not in known]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", PAGES[page])
    assert [t for t in targets if not (ROOT / "docs" / t).exists()] == []
