"""Passwords in keyrings that are real backends: good, broken, silent, absent."""

from __future__ import annotations

import asyncio
import json
import sys

import keyring
import pytest
from keyring.backends import fail, null

from notifyws import passwords
from tests.support.keyrings import BrokenKeyring, FileKeyring, SilentKeyring

ORIGIN = "https://ws.example.com"


@pytest.fixture
def use():
    """Make a keyring the system's own, for one test."""
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def file(use, tmp_path, monkeypatch):
    path = tmp_path / "keyring.json"
    monkeypatch.setenv("TEST_KEYRING", str(path))
    use(FileKeyring())
    return path


def test_what_is_kept_is_found_again_and_can_be_forgotten(file):
    assert passwords.can_keep()
    assert passwords.find(ORIGIN, "me") == ""
    assert passwords.keep(ORIGIN, "me", "sentinel")
    assert json.loads(file.read_text()) == {"notifyws": {f"{ORIGIN} me": "sentinel"}}
    assert passwords.find(ORIGIN, "me") == "sentinel"
    assert asyncio.run(passwords.find_in_time(ORIGIN, "me", 60)) == "sentinel"
    passwords.forget(ORIGIN, "me")
    passwords.forget(ORIGIN, "me")
    assert passwords.find(ORIGIN, "me") == ""


def test_another_origin_or_user_finds_nothing(file):
    passwords.keep(ORIGIN, "me", "sentinel")
    for origin in ("https://ws.example.com:8443", "http://ws.example.com", "https://x"):
        assert passwords.find(origin, "me") == ""
    assert passwords.find(ORIGIN, "you") == ""


@pytest.mark.parametrize("made", [BrokenKeyring, fail.Keyring, null.Keyring])
def test_a_keyring_that_keeps_nothing_is_not_said_to_have_kept_it(use, made):
    use(made())
    assert not passwords.keep(ORIGIN, "me", "sentinel")
    assert passwords.find(ORIGIN, "me") == ""
    passwords.forget(ORIGIN, "me")


def test_without_the_extra_nothing_is_kept_and_nothing_breaks(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert not passwords.can_keep()
    assert not passwords.keep(ORIGIN, "me", "sentinel")
    assert passwords.find(ORIGIN, "me") == ""
    passwords.forget(ORIGIN, "me")


def test_a_keyring_that_waits_for_its_owner_is_not_waited_for(use):
    silent = SilentKeyring()
    use(silent)

    async def ask():
        found = await passwords.find_in_time(ORIGIN, "me", 0.01)
        silent.unlock.set()  # its answer comes to a question that nobody asks any more
        return found

    assert asyncio.run(ask()) is None
