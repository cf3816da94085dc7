"""Files that a person wrote: none hangs us, none fills the memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from notifyws.cli.profile import _sample
from notifyws.cli.send import _whole
from notifyws.config.machine import trust
from notifyws.config.remembered_login import login_file, recall
from notifyws.config.server_entries import find_entry
from notifyws.config.sources import load
from notifyws.config.text_files import LIMIT, read_text_file
from notifyws.errors import ConfigurationError
from notifyws.protocol.loader import profile_text


def pipe(path):
    os.mkfifo(path)


MAKE = {
    "a pipe": (pipe, "is a pipe or a device, not a file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is a pipe or a device"),
    "a folder": (Path.mkdir, "is a folder, not a file"),
    "too large": (lambda p: p.write_bytes(b"#" * (LIMIT + 1)), "is larger than 1 MiB"),
}
READERS = {
    ".env": lambda path: load(environ={}),
    "--env-file": lambda path: load(environ={}, env_file=path),
    "config.toml": lambda path: load(environ={"NOTIFYWS_CONFIG": str(path)}),
    "a server entry": lambda path: find_entry(path, "a"),
    "a profile": lambda path: profile_text(str(path)),
    "authorities": lambda path: trust(str(path)),
    "a payload": lambda path: _whole(f"@{path}"),
    "a sample": lambda path: _sample(str(path), asking=False),
}


@pytest.mark.parametrize("what", MAKE)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_or_too_large_is_a_sentence_at_once(
    tmp_path, monkeypatch, what, reader
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / (".env" if reader == ".env" else "given.toml")
    make, words = MAKE[what]
    make(path)
    with pytest.raises(ConfigurationError, match=words) as caught:
        READERS[reader](path)
    assert caught.value.exit_code == 2
    assert caught.value.hint


@pytest.mark.parametrize("what", MAKE)
def test_a_remembered_login_that_is_no_file_is_as_good_as_none(
    tmp_path, monkeypatch, what
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    login_file().parent.mkdir()
    MAKE[what][0](login_file())
    assert recall() == {}


def test_a_file_of_the_largest_size_is_read_with_its_line_ends(tmp_path):
    path = tmp_path / "x"
    text = "a\r\n" + "b" * (LIMIT - 3)
    path.write_bytes(text.encode())
    assert read_text_file(path) == text


def test_one_that_need_not_be_there_is_empty(tmp_path):
    assert read_text_file(tmp_path / "x", required=False) == ""
    with pytest.raises(ConfigurationError, match="there is no thing "):
        read_text_file(tmp_path / "x", "thing")
