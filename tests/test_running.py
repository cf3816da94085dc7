"""The page about running for months says what is so."""

import configparser
import shlex
from pathlib import Path

from notifyws.cli.app import root_command

PAGE = Path(__file__).parents[1] / "docs" / "running.md"


def test_the_options_of_the_unit_exist():
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(PAGE.read_text("utf-8").split("```ini\n")[1].split("```")[0])
    _, command, *words = shlex.split(unit["Service"]["ExecStart"])
    known = {
        o for p in root_command().get_command(None, command).params for o in p.opts
    }
    assert {word for word in words if word.startswith("--")} <= known
    assert unit["Service"]["Type"] == "notify"
