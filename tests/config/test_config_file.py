"""A server entry is put in, and nothing else moves."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.config.config_file import with_entry
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


def test_an_empty_file_gets_the_entry_and_makes_it_the_default():
    assert with_entry("", "work", VALUES) == f'default_server = "work"\n\n{NEW}'


def test_a_file_that_is_lived_in_gets_it_at_the_end_and_is_left_alone_otherwise():
    assert with_entry(LIVED_IN, "work", VALUES) == f"{LIVED_IN}\n{NEW}"


def test_the_first_default_comes_after_the_words_at_the_top():
    text = "# Mine.\n# Two lines.\n\n# about pings\n[settings]\njitter = 0\n"
    edited = with_entry(text, "work", VALUES)
    assert edited.startswith('# Mine.\n# Two lines.\n\ndefault_server = "work"\n\n# ab')
    assert edited.endswith(f"jitter = 0\n\n{NEW}")


def test_a_comment_that_belongs_to_a_table_stays_with_it():
    text = "# about pings\n[settings]\njitter = 0\n"
    edited = with_entry(text, "work", VALUES)
    assert edited == f'default_server = "work"\n\n{text}\n{NEW}'


@pytest.mark.parametrize("text", ["# only words", "# only words\n", "\n\n", "\n# x\n"])
def test_words_alone_are_kept(text):
    edited = with_entry(text, "work", VALUES)
    assert text.strip() in edited
    assert edited.endswith(f"\n{NEW}")


def test_a_file_without_a_last_line_end_gets_one():
    edited = with_entry('default_server = "a"\n[servers.a]\nurl = "x"', "work", VALUES)
    assert edited.endswith(f'url = "x"\n\n{NEW}')


def test_an_entry_of_the_name_gets_the_new_values_and_keeps_its_other_keys():
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
"""
    rest = "\n# about pings\n[settings]\njitter = 0\n"
    text = f'default_server = "home"\n{before}{rest}'
    new = {"url": "wss://new.example", "username": "you"}
    assert with_entry(text, "home", new) == text.replace(before, after)


def test_a_mark_inside_a_text_begins_no_comment():
    text = "default_server = 'a'\n[servers.a]\nurl = 'x # y'  # z\n"
    assert with_entry(text, "a", {"url": "n"}).endswith('url = "n"  # z\n')
    text = "default_server = 'a'\n[servers.a]\nurl = 'x # y'\n"
    assert with_entry(text, "a", {"url": "n"}).endswith('url = "n"\n')


def test_what_was_missing_is_added_below_the_header():
    edited = with_entry(LIVED_IN, "home", {"profile": "directus", "url": "wss://a"})
    assert '# spaces are meant\nprofile = "directus"\nurl = "wss://a"   # a #' in edited
    assert "username" not in edited


def test_the_same_again_changes_nothing():
    once = with_entry(LIVED_IN, "work", VALUES)
    assert with_entry(once, "work", VALUES) == once


@pytest.mark.parametrize("name", ["ws.example.com", "a b", 'qu"ote', "ä", "\x7f", ""])
def test_any_name_is_written_so_that_it_is_read_again(name):
    edited = with_entry(LIVED_IN, name, VALUES)
    assert tomllib.loads(edited)["servers"][name] == VALUES
    assert tomllib.loads(with_entry(edited, name, {"url": "u"}))["servers"][name]


def test_line_ends_of_other_systems_stay():
    edited = with_entry(LIVED_IN.replace("\n", "\r\n"), "work", VALUES)
    assert edited == f"{LIVED_IN}\n{NEW}".replace("\n", "\r\n")


@pytest.mark.parametrize(
    "text",
    [
        'servers = {home = {url = "wss://a"}}',
        'servers.work.url = "wss://a"',
        '[servers]\nwork = {url = "wss://a"}',
        '[servers.work]\nurl = """\nwss://a"""',
        'settings.x = """\n[servers.work]\n"""\n[servers]\nwork.url = "wss://a"',
    ],
)
def test_what_cannot_be_edited_is_left_alone_and_said(text):
    with pytest.raises(ConfigurationError) as caught:
        with_entry(text, "work", VALUES)
    assert '[servers.work] url = "wss://ws.example.com"' in caught.value.hint


def test_a_header_inside_a_text_is_none():
    text = 'default_server = "a"\n[settings]\nlink_base = """\n[servers.work]\n"""\n'
    edited = with_entry(text, "work", VALUES)
    assert edited == f"{text}\n{NEW}"


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(name=words, values=st.dictionaries(st.sampled_from(["url", "username"]), words))
def test_it_is_read_as_it_was_meant_or_refused(name, values):
    try:
        edited = with_entry(LIVED_IN, name, values)
    except ConfigurationError:
        return
    assert tomllib.loads(edited)["servers"][name] == values
    assert edited.startswith(LIVED_IN)
