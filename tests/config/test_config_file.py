"""A server entry is put into a real file, and what a person wrote stays as it is."""

from __future__ import annotations

import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.config.config_file import find_entry, save_entry
from notifyws.errors import ConfigurationError

VALUES = {"url": "wss://ws.example.com", "username": "me", "profile": "directus"}

NEW = """\
[servers.work]
url = "wss://ws.example.com"
username = "me"
profile = "directus"
"""
LIVED_IN = """\
# Mine; do not touch.

default_server = "home"  # the one in the cellar

[servers.home]   # spaces are meant
url = "wss://home.example"   # a # in words
username = 'me'

# about pings
[settings]
ping_interval = 20.0
"""


class File:
    """A configuration file, by its text."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def saved(self, text: str, name: str = "work", values=VALUES) -> str:
        """Write the text, save an entry, and return the text then."""
        self.path.write_bytes(text.encode())
        save_entry(self.path, name, values)
        return self.path.read_bytes().decode()


@pytest.fixture
def file(tmp_path) -> File:
    return File(tmp_path / "config.toml")


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_first_entry_makes_the_file_and_its_folder_for_their_owner(tmp_path):
    path = tmp_path / "config" / "config.toml"
    assert find_entry(path, "work") is None
    assert save_entry(path, "work", VALUES)
    assert path.read_text() == f'default_server = "work"\n\n{NEW}'
    assert find_entry(path, "work") == VALUES
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_a_file_that_is_lived_in_gets_it_at_the_end_and_is_left_alone_otherwise(file):
    assert file.saved(LIVED_IN) == f"{LIVED_IN}\n{NEW}"
    assert file.saved(f"{LIVED_IN}\n{NEW}") == f"{LIVED_IN}\n{NEW}"


def test_a_second_entry_is_not_the_default_and_closes_the_file_to_others(file):
    file.path.write_text(LIVED_IN)
    file.path.chmod(0o644)
    assert not save_entry(file.path, "work", VALUES)
    assert save_entry(file.path, "home", VALUES)
    assert mode(file.path) == 0o600


@pytest.mark.parametrize(
    ("top", "rest"),
    [
        ("# Mine.\n# Two lines.\n\n", "# about pings\n[settings]\njitter = 0\n"),
        ("", "# about pings\n[settings]\njitter = 0\n"),
        ("# only words\n\n", ""),
    ],
)
def test_the_first_default_comes_after_the_words_at_the_top_and_parts_no_table_of_its(
    file, top, rest
):
    between = "\n" if rest else ""
    default = 'default_server = "work"\n\n'
    assert file.saved(top + rest) == f"{top}{default}{rest}{between}{NEW}"


def test_who_saves_at_the_same_time_takes_nothing_from_the_other(file):
    """Seen: two logins at once, both said to be saved, and one of them there."""
    save = (
        "import sys; from pathlib import Path;"
        "from notifyws.config.config_file import save_entry;"
        "save_entry(Path(sys.argv[1]), sys.argv[2], {'url': 'wss://a.example'})"
    )
    names = [f"s{n}" for n in range(4)]
    argv = [sys.executable, "-c", save, str(file.path)]
    saving = [subprocess.Popen([*argv, name]) for name in names]
    assert [each.wait() for each in saving] == [0] * 4
    assert sorted(tomllib.loads(file.path.read_text())["servers"]) == names


@pytest.mark.parametrize(
    "text", ["# only words", "\n\n", "\n# x\n", "[servers.b]\nz=1"]
)
def test_whatever_ends_the_file_is_followed_by_a_blank_line(file, text):
    text = text.replace("z", "url").replace("1", '"x"')
    edited = file.saved(text)
    assert text.strip() in edited
    assert edited.endswith(f"\n\n{NEW}")


def test_an_entry_of_the_name_gets_the_new_values_and_keeps_its_other_keys(file):
    before = """\
[servers.home]   # spaces are meant
url = "wss://home.example"   # a # in words
socket_url = "wss://socket.example"
variables = "a=b"

username = 'me'  # a # too
"""
    after = """\
[servers.home]   # spaces are meant
url = "wss://new.example"   # a # in words
variables = "a=b"

username = "you"  # a # too
profile = "p"
"""
    rest = "\n# about pings\n[settings]\njitter = 0\n"
    text = f'default_server = "home"\n{before}{rest}'
    new = {"url": "wss://new.example", "username": "you", "profile": "p"}
    assert file.saved(text, "home", new) == text.replace(before, after)
    text, after = text.replace("\n", "\r\n"), after.replace("\n", "\r\n")
    before = before.replace("\n", "\r\n")
    assert file.saved(text, "home", new) == text.replace(before, after)


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ('servers.a.url = "wss://a" # x', 'servers.a.url = "n" # x'),
        ('[servers]\na = {url = "wss://a"}', '[servers]\na = {url = "n"}'),
        ('[servers.a]\nurl = """\nwss://a""" # x', '[servers.a]\nurl = "n" # x'),
        ("[servers.a]\nurl = 'x # y'", '[servers.a]\nurl = "n"'),
        ('"servers" . a . url = "x"', '"servers" . a . url = "n"'),
    ],
)
def test_an_entry_is_changed_in_the_way_that_it_is_written(file, text, edited):
    default = 'default_server = "a"\n'
    assert file.saved(default + text, "a", {"url": "n"}) == default + edited


def test_a_header_inside_a_text_is_none(file):
    text = 'default_server = "a"\n[settings]\nlink_base = """\n[servers.work]\n"""\n'
    assert file.saved(text) == f"{text}\n{NEW}"


def test_what_cannot_be_edited_is_left_alone_and_said(file):
    text = 'servers = {home = {url = "wss://a"}}'
    with pytest.raises(ConfigurationError, match="cannot be edited") as caught:
        file.saved(text)
    assert '[servers.work] url = "wss://ws.example.com"' in caught.value.hint
    assert file.path.read_text() == text


@pytest.mark.parametrize("name", ["ws.example.com", "a b", 'qu"ote', "ä", "\x7f", ""])
def test_any_name_is_written_so_that_it_is_read_again(file, name):
    file.saved(LIVED_IN, name)
    assert find_entry(file.path, name) == VALUES
    save_entry(file.path, name, {"url": "u"})
    assert find_entry(file.path, name) == {"url": "u"}


def test_a_mark_of_an_editor_and_its_line_ends_stay(file):
    text = LIVED_IN.replace("\n", "\r\n")
    whole = f"{LIVED_IN}\n{NEW}".replace("\n", "\r\n")
    assert file.saved(f"\ufeff{text}") == f"\ufeff{whole}"
    assert find_entry(file.path, "work") == VALUES
    mixed = text.replace("cellar\r\n", "cellar\n")
    assert file.saved(mixed).startswith(mixed)


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
    [
        ("servers = 3", "servers in .* must be a table"),
        ("servers.work = 3", "servers.work.* must be a table"),
        ("servers = ", "is not valid TOML"),
    ],
)
def test_what_says_no_entry_is_said(file, text, what):
    file.path.write_text(text)
    with pytest.raises(ConfigurationError, match=what):
        find_entry(file.path, "work")


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot write"):
        save_entry(tmp_path / "file" / "config.toml", "work", VALUES)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(name=words, values=st.dictionaries(st.sampled_from(["url", "username"]), words))
def test_it_is_read_as_it_was_meant(name, values):
    with TemporaryDirectory() as folder:
        edited = File(Path(folder) / "config.toml").saved(LIVED_IN, name, values)
    assert tomllib.loads(edited)["servers"][name] == values
    assert edited.startswith(LIVED_IN) or name == "home"
