"""An empty home, with nothing of the developer's own environment."""

from __future__ import annotations

import os

import pytest


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
