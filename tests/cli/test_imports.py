"""What libraries import is there when it is asked for, and not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from notifyws.cli.imports import CALLED, KNOWN, LATE, UNUSED

SPARED = "from notifyws.cli.imports import *; spare_imports(); import sys; "


def told(code: str, before: str = SPARED) -> str:
    """Return what a Python of its own prints, with its imports spared by default."""
    argv = [sys.executable, "-c", before + code]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_a_listener_s_libraries_load_nothing_that_they_are_spared():
    libraries = "import typer, asyncio, msgspec, platformdirs, websockets.client; "
    watched = "import notifyws.cli.imports as i; i.import_module = print; "
    assert told(watched + libraries) == ""


@pytest.mark.parametrize("name", LATE)
def test_what_is_late_is_the_module_itself_once_it_is_asked(name):
    asked = f"import {name}; held = sys.modules['{name}']; held.__file__; "
    same = f"real = sys.modules['{name}']; print(real is held, real.__name__); "
    held = "print(set(vars(real)) - set(vars(held)))"
    assert told(asked + same + held) == f"False {name}\nset()\n"


OTHERS = ("node", "randbelow", "Popen", "deprecated")


@pytest.mark.parametrize(("name", "other"), [*zip(KNOWN, OTHERS, strict=True)])
def test_what_is_known_of_a_late_module_does_not_load_it(name, other):
    known = ", ".join(KNOWN[name])
    asked = f"from {name} import {known}; first = '__file__' in vars("
    more = f"sys.modules['{name}']); from {name} import {other}; "
    then = f"print(first, '__file__' in vars(sys.modules['{name}']))"
    assert told(asked + more + then) == "False True\n"


CALLS = {
    "difflib": "get_close_matches('a', ['a', 'b'])",
    "gettext": "gettext('Usage:')",
    "random": "int(random())",
    "shlex": "quote('a b')",
    "shutil": "get_terminal_size()",
    "tempfile": "gettempdir()",
}


@pytest.mark.parametrize(("name", "function"), CALLED.items())
def test_a_function_of_a_late_module_loads_it_when_it_is_called(name, function):
    asked = f"from {name} import {function}; first = '__file__' in vars("
    then = f"sys.modules['{name}']); got = {CALLS[name]}; "
    called = f"from {name} import {function}; print(first, got == {CALLS[name]})"
    assert told(asked + then + called) == "False True\n"


@pytest.mark.parametrize(
    "asked",
    [
        "import subprocess as s; print(s.PIPE, s.STDOUT, s.DEVNULL)",
        "import secrets as s; print(len(s.token_bytes(9)), len(s.token_hex(9)))",
        "import platform; print(platform.system())",
    ],
)
def test_what_is_known_is_what_the_module_says(asked):
    assert told(asked) == told(asked, before="")


def test_what_is_unused_cannot_be_imported():
    with pytest.raises(subprocess.CalledProcessError) as failed:
        told(f"import {UNUSED[0]}")
    assert "ModuleNotFoundError" in failed.value.stderr


def test_what_was_loaded_before_stays():
    asked = "import textwrap; print(textwrap.dedent(' a'))"
    assert told(asked, before=f"import textwrap; {SPARED}") == "a\n"
