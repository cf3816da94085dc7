"""An empty home, and a server that it is configured for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import support
from tests.e2e.terminal import Terminal
from tests.support.forks import Forks


@pytest.fixture
def home(tmp_path: Path, forks: Forks | None) -> Iterator[support.Home]:
    with support.home(tmp_path, forks) as lived_in:
        yield lived_in


@pytest.fixture
def server(home: support.Home) -> Iterator[support.Server]:
    started = support.Server()
    home.use(started)
    yield started
    home.leave()
    started.stop()


@pytest.fixture
def process(home: support.Home) -> support.Process:
    """A server of its own process, for what a thread cannot do: freeze and die."""
    started = home.serve()
    home.use(started)
    return started


@pytest.fixture
def terminal(home: support.Home) -> Iterator[Callable[..., Terminal]]:
    """Starts commands, each in a terminal of its own."""
    opened = []

    def start(*args: str, columns=80, rows=24, program=(), **env: str) -> Terminal:
        size = {"columns": columns, "rows": rows, "program": program}
        how = {"env": {**home.env, **env}, "forks": home.forks_for(env, program)}
        opened.append(Terminal(*args, cwd=home.path, **how, **size))
        return opened[-1]

    yield start
    for each in opened:
        each.close()
