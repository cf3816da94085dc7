"""Files and folders that somebody planted where ours are: nothing goes through them.

Each was seen: a dead letter, which holds a stranger's text, went through a link to the
end of ``.bashrc``; a folder that another user owned in a shared ``XDG_STATE_HOME``
was filled; and its ``config.toml`` named the server for the environment's password.
"""

from __future__ import annotations

import os
import stat

import pytest

from notifyws.config.files import locked, open_to_append, private_folder
from notifyws.config.saved_login import remember
from notifyws.config.sources import load
from notifyws.delivery.dead_letters import DeadLetters
from notifyws.delivery.outbox_file import OutboxFile
from notifyws.delivery.outbox_records import DeadLetter
from notifyws.errors import ConfigurationError
from notifyws.protocol.loader import built_in, profile_text

LETTER = DeadLetter("exec", "it failed", 1, "then", '{"type":"t","title":"$(id)"}')
ANOTHER = 4712


@pytest.fixture
def told():
    return []


@pytest.fixture
def stranger(monkeypatch):
    """Be no superuser, who takes what is there."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Our folders, as somebody with that user's files has them."""
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
        (tmp_path / kind.lower() / "notifyws").mkdir(parents=True)
    return tmp_path


def owned_by_another(path):
    if os.getuid() != 0:
        pytest.skip("only the superuser gives files away")
    os.chown(path, ANOTHER, -1)
    return path


async def test_a_dead_letter_goes_through_no_link_and_is_told_whole(tmp_path, told):
    (tmp_path / "letters.jsonl").symlink_to(tmp_path / ".bashrc")
    await DeadLetters(tmp_path / "letters.jsonl", told.append).write_dead_letters(
        LETTER
    )
    assert not (tmp_path / ".bashrc").exists()
    assert "it is a link" in told[0]
    assert LETTER.line in told[0]


@pytest.mark.parametrize("name", ["desk.db", "desk.lock"])
async def test_a_queue_and_its_lock_are_no_links(tmp_path, told, name):
    (tmp_path / name).symlink_to(tmp_path / "planted")
    queue = OutboxFile(tmp_path / "desk.db", told.append)
    await queue.aclose()
    assert "it is a link" in told[0]
    assert not (tmp_path / "planted").exists()


def test_a_lock_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "lock")
    os.close(locked(tmp_path / "lock"))


def test_a_file_that_the_user_named_may_be_a_link(tmp_path):
    (tmp_path / "tee").symlink_to(tmp_path / "there")
    os.close(open_to_append(tmp_path / "tee", ours=False))
    assert (tmp_path / "there").exists()


@pytest.mark.parametrize("inside", ["", "dead-letters"])
def test_a_folder_of_ours_that_another_user_owns_is_not_used(folders, stranger, inside):
    owned_by_another(folders / "state" / "notifyws")
    with pytest.raises(PermissionError, match="another user owns"):
        private_folder(folders / "state" / "notifyws" / inside)
    with pytest.raises(PermissionError, match="another user owns"):
        remember({"url": "wss://h"})
    assert not list((folders / "state" / "notifyws").iterdir())


def test_a_folder_that_somebody_named_is_taken_as_it_is(tmp_path, stranger):
    private_folder(owned_by_another(tmp_path) / "mine")
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o700


def test_what_the_superuser_made_is_taken(folders, stranger):
    private_folder(folders / "state" / "notifyws")


def test_a_configuration_that_another_user_put_there_is_not_read_unless_it_is_named(
    folders, stranger, monkeypatch
):
    file = folders / "config" / "notifyws" / "config.toml"
    file.write_text('[settings]\nurl = "wss://evil.example"\n')
    owned_by_another(file)
    with pytest.raises(ConfigurationError, match="another user owns") as caught:
        load()
    assert f"NOTIFYWS_CONFIG={file}" in caught.value.hint
    monkeypatch.setenv("NOTIFYWS_CONFIG", str(file))
    assert load().settings.url == "wss://evil.example"


def test_a_profile_that_another_user_put_there_is_not_read_unless_it_is_named(
    folders, stranger
):
    file = folders / "config" / "notifyws" / "profiles" / f"{built_in()[0]}.toml"
    file.parent.mkdir()
    file.write_text("")
    owned_by_another(file)
    with pytest.raises(ConfigurationError, match="another user owns") as caught:
        profile_text(file.stem)
    assert f"--profile {file}" in caught.value.hint
    assert profile_text(str(file)) == ("", str(file))
