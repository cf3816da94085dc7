"""An extra that is missing is had as the program was, and from where."""

from __future__ import annotations

from importlib.metadata import Distribution

import pytest

from notifyws.config.extras import command_for, installed, needs_extra


class Installed(Distribution):
    """A distribution as its files tell of it."""

    def __init__(self, **files: str) -> None:
        self._files = {name.replace("_", "."): text for name, text in files.items()}

    def read_text(self, filename):
        return self._files.get(filename.removesuffix(".json").replace("_", "."))

    def locate_file(self, path):
        raise NotImplementedError


HERE = Installed(direct_url='{"url": "file:///home/ada/my%20clone"}')


@pytest.mark.parametrize(
    ("prefix", "ours", "command"),
    [
        (
            "/home/ada/.local/share/pipx/venvs/notifyws",
            HERE,
            "pipx install --force '/home/ada/my clone[server]'",
        ),
        (
            "/home/ada/.local/share/uv/tools/notifyws",
            Installed(),
            "uv tool install --force 'notifyws[server]'",
        ),
        ("/srv/venv", Installed(), "pip install 'notifyws[server]'"),
        (
            "/srv/venv",
            Installed(direct_url='{"url": "https://h/n.whl"}'),
            "pip install 'notifyws[server] @ https://h/n.whl'",
        ),
        (
            "/srv/venv",
            Installed(direct_url="rubbish"),
            "pip install 'notifyws[server]'",
        ),
    ],
)
def test_the_command_is_for_who_installed_us_and_from_where(prefix, ours, command):
    assert command_for("server", ours, prefix) == command


def test_the_extras_that_there_are_stay():
    ours = Installed(
        METADATA="Requires-Dist: httpx\n"
        "Requires-Dist: pytest>=8 ; extra == 'one'\n"
        "Requires-Dist: pytest ; extra == 'two'\n"
        "Requires-Dist: nonesuch-at-all>=1 ; extra == 'two'\n"
    )
    assert list(installed(ours)) == ["one"]


def test_the_error_names_what_needs_it_and_which():
    error = needs_extra("--notify", "desktop")
    assert error.message == "--notify needs the extra desktop, which is not installed"
    assert "desktop" in error.hint
