"""A command is imported when it is asked for, and described as it describes itself."""

import subprocess
import sys

import pytest
import typer

from notifyws.cli import app
from notifyws.cli.commands import DESCRIBED

ROOT = typer.main.get_command(app)


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_command_says_of_itself_what_the_list_says(name):
    command = ROOT.commands[name]
    assert command.name == name
    assert " ".join(command.help.split()) == DESCRIBED[name]
    assert "Examples:" in command.epilog


def test_the_commands_are_a_mapping_like_any_other():
    assert [*ROOT.commands] == [*DESCRIBED, "help"]
    assert len(ROOT.commands) == len(DESCRIBED) + 1
    assert "lisen" not in ROOT.commands
    assert ROOT.commands.get("lisen") is None
    again = typer.main.get_command(app).commands
    again["listen"] = again["token"]
    assert again["listen"].name == "token"
    del again["listen"]
    assert "listen" not in again


@pytest.mark.parametrize(
    ("words", "there"), [(["token", "--help"], ["token"]), (["--help"], [])]
)
def test_only_what_was_asked_for_is_imported(words, there):
    code = (
        "import sys; from notifyws.cli import app\n"
        f"app({words!r}, standalone_mode=False)\n"
        "ours = [m.rpartition('.')[2] for m in sys.modules if 'notifyws.cli.' in m]\n"
        f"print(sorted(set(ours) & set({[*DESCRIBED]!r})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == f"{there}\n"
