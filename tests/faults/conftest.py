"""The parts of the end-to-end tests serve the faults as well.

Each command is started here: what it takes of memory and descriptors is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import support
from tests.e2e.conftest import process, server, terminal

__all__ = ["home", "process", "server", "terminal"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[support.Home]:
    with support.home(tmp_path) as lived_in:
        yield lived_in
