"""A link is opened by the person's browser, and by nothing else."""

import os
import stat

import pytest

from notifyws.ui.live_renderer import open_link
from tests.e2e.support import until

URL = "https://example.com/a?b=c&d=%20"


@pytest.fixture
def browser(tmp_path):
    """A program that notes what it was called with."""

    def make(name):
        program = tmp_path / name
        lines = ["#!/bin/sh", f'printf "%s\\n" "$0" "$@" > {tmp_path}/called']
        program.write_text("\n".join(lines) + "\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def called():
        path = tmp_path / "called"
        return until(lambda: path.exists() and path.read_text().split("\n")[1:-1], "it")

    return make, called, {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("there", "chosen", "arguments"),
    [
        ("mine", "absent:mine --new-tab", ["--new-tab", URL]),
        ("mine", "mine %s --here", [URL, "--here"]),
        ("xdg-open open", "'unclosed", [URL]),
    ],
)
def test_the_person_chooses_else_the_desktop_and_the_url_is_one_argument(
    browser, there, chosen, arguments
):
    make, called, environment = browser
    for name in there.split():
        make(name)
    assert open_link(URL, {**environment, "BROWSER": chosen})
    assert called() == arguments


def test_where_there_is_no_browser_nothing_happens(tmp_path):
    assert not open_link(URL, {"PATH": str(tmp_path)})


def test_what_cannot_be_started_is_none(tmp_path):
    odd = tmp_path / "odd"
    odd.write_bytes(b"\x7fELF nothing")
    odd.chmod(0o755)
    assert not open_link(URL, {"PATH": str(tmp_path), "BROWSER": "odd"})
