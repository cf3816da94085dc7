"""A command is imported when it is asked for, and described as it describes itself."""

import subprocess
import sys

import pytest

from notifyws.cli.app import COMMANDS, root_command


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_of_itself_what_the_list_says(name):
    command = root_command().get_command(None, name)
    assert command.name == name
    assert " ".join(command.help.split()) == COMMANDS[name]
    assert "Examples:" in command.epilog


TAB = {
    "_TYPER_COMPLETE_ARGS": "notifyws ",
    "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    "_NOTIFYWS_COMPLETE": "complete_fish",
}


@pytest.mark.parametrize(
    ("words", "environ", "there"),
    [
        (["token", "--help"], {}, ["token"]),
        (["--help"], {}, []),
        (["-h"], {}, []),
        ([], TAB, []),
    ],
)
def test_only_what_was_asked_for_is_imported(words, environ, there):
    code = (
        "import os, sys; from notifyws.cli.app import _run\n"
        f"os.environ.update({environ!r})\n"
        "try: _run(%r)\n"
        "except SystemExit: pass\n"
        "ours = [m.rpartition('.')[2] for m in sys.modules if 'notifyws.cli.' in m]\n"
        f"print(sorted(set(ours) & set({[*COMMANDS]!r})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code % words], capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert done.stderr == f"{there}\n"


@pytest.mark.parametrize(
    "words",
    ["listen", "send", "token", "status", "mcp", "auth", "auth login", "auth logout"],
)
def test_a_command_that_speaks_to_a_server_takes_the_common_options(words):
    command = root_command()
    for word in words.split():
        command = command.get_command(None, word)
    taken = {option for param in command.params for option in param.opts}
    common = {"--server", "--profile", "--url", "--env-file", "--verbose", "--quiet"}
    assert common <= taken
