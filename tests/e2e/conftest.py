"""An empty home, and a server that it is configured for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import support


@pytest.fixture
def home(tmp_path: Path) -> Iterator[support.Home]:
    with support.home(tmp_path) as lived_in:
        yield lived_in


@pytest.fixture
def server(home: support.Home) -> support.Server:
    started = home.serve()
    home.use(started)
    return started
