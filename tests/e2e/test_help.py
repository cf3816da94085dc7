"""What the command says of itself."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.catalogue import sample

COMMANDS = (
    "listen",
    "send",
    "token",
    "status",
    "mcp",
    "serve",
    "auth",
    "auth login",
    "auth logout",
    "auth whoami",
)


@pytest.mark.parametrize("command", sample(*COMMANDS, often=2))
def test_help_is_short_whole_and_ends_with_two_examples(home, command):
    done = home.within(*command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") <= 100  # two screens
    _, _, examples = done.stdout.partition("Examples:")
    assert len(re.findall(r"notifyws ", examples)) >= 2


def test_version_and_bare_command(home):
    assert re.fullmatch(r"notifyws \d+\.\d+\.\d+\n", home.within("--version").stdout)
    assert "listen" in home.within().stdout + home.within().stderr


def test_help_survives_a_terminal_that_does_not_know_its_width(home):
    assert "listen" in home.within("--help", env={"COLUMNS": "0"}).stdout


def test_python_m_is_the_command_too(home):
    done = subprocess.run(
        [sys.executable, "-m", "notifyws", "--version"],
        env=home.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == home.run("--version").stdout
