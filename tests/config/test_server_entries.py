"""Server entries in a real file."""

from __future__ import annotations

import stat

import pytest

from notifyws.config.server_entries import find_entry, save_entry
from notifyws.errors import ConfigurationError

VALUES = {"url": "wss://ws.example.com", "username": "me", "profile": "default"}


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_first_entry_makes_the_file_and_its_folder_for_their_owner(tmp_path):
    path = tmp_path / "config" / "config.toml"
    assert find_entry(path, "work") is None
    assert save_entry(path, "work", VALUES)
    assert find_entry(path, "work") == VALUES
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_a_second_entry_is_not_the_default_and_closes_the_file_to_others(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('default_server = "a"  # mine\n[servers.a]\nurl = "wss://a"\n')
    path.chmod(0o644)
    assert not save_entry(path, "work", VALUES)
    assert path.read_text().startswith('default_server = "a"  # mine\n')
    assert mode(path) == 0o600


def test_a_mark_of_an_editor_and_its_line_ends_stay(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes("\ufeff[settings]\r\njitter = 0\r\n".encode())
    save_entry(path, "work", VALUES)
    raw = path.read_bytes()
    assert raw.startswith('\ufeffdefault_server = "work"\r\n'.encode())
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert find_entry(path, "work") == VALUES


def test_a_link_is_followed(tmp_path):
    kept = tmp_path / "dotfiles.toml"
    kept.touch()
    link = tmp_path / "config.toml"
    link.symlink_to(kept)
    save_entry(link, "work", VALUES)
    assert link.is_symlink()
    assert "[servers.work]" in kept.read_text()


@pytest.mark.parametrize(
    ("text", "what"),
    [("servers = 3", "servers in"), ("servers.work = 3", "servers.work")],
)
def test_what_should_be_a_table_and_is_none_is_said(tmp_path, text, what):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"{what}.* must be a table"):
        find_entry(path, "work")


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "config.toml").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot write"):
        save_entry(tmp_path / "file" / "config.toml", "work", VALUES)
