"""Where a profile's text is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifyws.errors import ConfigurationError
from notifyws.protocol.failures import FailureClassifier
from notifyws.protocol.loader import (
    built_in,
    is_file,
    own_file,
    profile_text,
    read_profile,
)
from notifyws.protocol.profile_text import parse

TEXT = 'name = "mine"\n[[rules]]\nthen = "notification"\n'


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """The user's folder of profiles, which is not there yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config" / "notifyws" / "profiles"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("default", False),
        ("directus", False),
        ("mine.toml", True),
        ("./mine", True),
        ("/a/b", True),
        ("", False),
    ],
)
def test_a_slash_or_an_ending_names_a_file(name, file):
    assert is_file(name) is file


def test_a_built_in_profile_is_found_by_its_name():
    text, where = profile_text("default")
    assert 'name = "default"' in text
    assert where == "default"


def test_a_file_is_found_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    assert profile_text(str(path)) == (TEXT, str(path))
    assert profile_text("mine.toml") == (TEXT, "mine.toml")


def test_a_profile_of_the_users_folder_wins_over_a_built_in_one(own):
    own.mkdir(parents=True)
    (own / "default.toml").write_text(TEXT)
    text, where = profile_text("default")
    assert text == TEXT
    assert where == str(own / "default.toml")


def test_an_unknown_name_is_corrected_or_the_known_ones_are_listed():
    with pytest.raises(ConfigurationError) as caught:
        profile_text("defualt")
    assert caught.value.message == "there is no profile 'defualt'"
    assert caught.value.hint == "did you mean default?"
    with pytest.raises(ConfigurationError) as caught:
        profile_text("zzz")
    assert "default" in caught.value.hint
    assert "TOML file" in caught.value.hint


def test_the_users_own_profiles_are_suggested_too(own):
    own.mkdir(parents=True)
    (own / "workplace.toml").write_text(TEXT)
    with pytest.raises(ConfigurationError) as caught:
        profile_text("workplase")
    assert caught.value.hint == "did you mean workplace?"


@pytest.mark.parametrize("name", ["missing.toml", "./missing"])
def test_a_file_that_is_not_there_is_named(name):
    with pytest.raises(ConfigurationError) as caught:
        profile_text(name)
    assert caught.value.message == f"there is no profile {Path(name)}"
    assert caught.value.hint == "check the path"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "folder"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "not UTF-8"),
        (lambda path: path.symlink_to("x.toml"), "symbolic links"),
    ],
)
def test_a_file_that_cannot_be_read_as_text_is_said_to_be(tmp_path, make, words):
    make(tmp_path / "x.toml")
    with pytest.raises(ConfigurationError, match=words):
        profile_text("x.toml")


@pytest.mark.parametrize("name", built_in())
def test_what_comes_with_the_product_is_right_without_being_looked_at(name):
    profile = parse(*profile_text(name))
    assert profile == read_profile(name)
    assert (profile.name, bool(profile.description)) == (name, True)
    assert FailureClassifier(profile.closes, profile.statuses)


def test_anybody_elses_profile_is_validated(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("name = 1\n")
    with pytest.raises(ConfigurationError, match="name"):
        read_profile(str(path))


def test_a_path_is_no_name_for_a_profile_of_ones_own():
    with pytest.raises(ConfigurationError, match="is no name") as caught:
        own_file("./workplace.toml")
    assert "--output" in caught.value.hint
