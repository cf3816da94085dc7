"""Passwords in keyrings that are real backends: good, broken, silent, absent."""

from __future__ import annotations

import asyncio
import json
import sys

import keyring
import pytest
from keyring.backends import fail, null

from notifyws.config import keyring as passwords
from tests.support.keyrings import BrokenKeyring, FileKeyring, SilentKeyring

ORIGIN = "https://ws.example.com"


def find(origin=ORIGIN, username="me"):
    return asyncio.run(passwords.find(origin, username))


def keep():
    return asyncio.run(passwords.keep(ORIGIN, "me", "sentinel"))


def forget():
    return asyncio.run(passwords.forget(ORIGIN, "me"))


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
    assert find() == ""
    assert keep()
    assert json.loads(file.read_text()) == {"notifyws": {f"{ORIGIN} me": "sentinel"}}
    assert find() == "sentinel"
    assert forget()
    assert forget()
    assert find() == ""


def test_another_origin_or_user_finds_nothing(file):
    keep()
    for origin in ("https://ws.example.com:8443", "http://ws.example.com", "https://x"):
        assert find(origin) == ""
    assert find(username="you") == ""


@pytest.mark.parametrize("made", [BrokenKeyring, fail.Keyring, null.Keyring])
def test_a_keyring_that_keeps_nothing_is_not_said_to_have_kept_it(use, made):
    use(made())
    assert not keep()
    assert find() == ""
    assert forget() is (made is not BrokenKeyring)  # what is locked may hold one


def test_without_the_extra_nothing_is_kept_and_nothing_breaks(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert not passwords.can_keep()
    assert not keep()
    assert find() == ""
    assert forget()


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda: passwords.find(ORIGIN, "me", 0.01), None),
        (lambda: passwords.keep(ORIGIN, "me", "sentinel", 0.01), False),
        (lambda: passwords.forget(ORIGIN, "me", 0.01), False),
    ],
    ids=["find", "keep", "forget"],
)
def test_a_keyring_that_waits_for_its_owner_is_not_waited_for(use, ask, answer):
    silent = SilentKeyring()
    use(silent)

    async def asked():
        found = await ask()
        silent.unlock.set()  # its answer comes to a question that nobody asks any more
        return found

    assert asyncio.run(asked()) is answer
