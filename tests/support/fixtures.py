"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .valkey import Valkey


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """One Valkey for all tests of a process."""
    with Valkey() as server:
        yield server


@pytest.fixture
def clean_valkey(valkey: Valkey) -> Valkey:
    """The same, awake and empty."""
    valkey.thaw()
    valkey.flush()
    return valkey
