"""Fixtures for every test."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .forks import Forks
from .valkey import Lonely, LonelyNode, Valkey
from .virtual import at_the_end


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


@pytest.fixture
def make(clean_valkey: Valkey) -> Callable[..., Any]:
    """Makes stores of members of one group, ``a``, ``b``, ..., each with a client."""
    from notifyws.auth.cache.redis import RedisClient
    from notifyws.fleet.group.store import GroupStore

    def made(name: str = "a", *, url: str = clean_valkey.url, **how: Any) -> GroupStore:
        client = RedisClient(url, "the group's Redis")
        at_the_end(client.aclose)
        return GroupStore(client, "0" * 16, "g", member=f"h:1:{name}", **how)

    return made


@pytest.fixture(scope="session")
def sentinel() -> Iterator[Lonely]:
    """One primary and its sentinel, for all tests of a process."""
    with Lonely() as servers:
        yield servers


@pytest.fixture
def clean_sentinel(sentinel: Lonely) -> Lonely:
    """The same, empty."""
    sentinel.flush()
    return sentinel


@pytest.fixture(scope="session")
def cluster() -> Iterator[LonelyNode]:
    """A cluster of one node, for all tests of a process."""
    with LonelyNode() as node:
        yield node


@pytest.fixture
def clean_cluster(cluster: LonelyNode) -> LonelyNode:
    """The same, empty."""
    cluster.flush()
    return cluster


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks | None]:
    """What makes copies of a command, for all tests of a process; nothing elsewhere."""
    if sys.platform != "linux" or any(x.startswith("COVERAGE_") for x in os.environ):
        yield None
        return
    known = {name: os.environ[name] for name in ("HOME", "PATH")}
    copied = Forks({**known, "LANG": "C.UTF-8", "PYDANTIC_DISABLE_PLUGINS": "__all__"})
    yield copied
    copied.stop()


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in os.environ:
        ours = ("NOTIFYWS_", "WEBSOCKET_", "NEXT_PUBLIC_WEBSOCKET_", "REDIS_", "XDG_")
        if name.startswith(ours):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def config(home):
    """The path of config.toml, its folder made."""
    path = home / "config.toml"
    path.touch()
    return path


@pytest.fixture
def use_keyring():
    """Make a keyring the system's own, for one test."""
    import keyring

    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def file_keyring(use_keyring, tmp_path, monkeypatch):
    """The file of a keyring that is the system's own."""
    from .keyrings import FileKeyring

    path = tmp_path / "keyring.json"
    monkeypatch.setenv("TEST_KEYRING", str(path))
    use_keyring(FileKeyring())
    return path


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A home of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    monkeypatch.chdir(tmp_path)
    return tmp_path
