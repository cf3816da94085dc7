"""What the state file keeps, and what it refuses to overwrite."""

from __future__ import annotations

import os
import stat

import pytest

from notifyws.devserver.history import Entry
from notifyws.devserver.state import Session, State
from notifyws.errors import ConfigurationError

SESSION = Session("s1", "ann", "digest", 20.0, 30.0, 0)


def ids(state):
    return [entry.id for entry in state.history("ann").promised()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state"


def test_without_a_path_nothing_is_written_and_each_has_a_secret_of_its_own():
    one, two = State(None, 10), State(None, 10)
    one.publish("ann", Entry(1, "x"))
    assert one.secret != two.secret
    assert two.histories == {}


def test_what_was_written_is_remembered_though_it_was_never_closed(path):
    state = State(path, 10)
    other = SESSION._replace(id="s2")
    state.keep(SESSION)
    state.keep(other)
    state.drop(other)
    state.publish("ann", Entry(5, "frame"))
    again = State(path, 10)
    assert (again.secret, again.born) == (state.secret, state.born)
    assert again.sessions == {"s1": SESSION}
    assert list(again.history("ann").promised()) == [Entry(5, "frame")]
    state.close()
    again.close()


def test_a_file_that_has_grown_is_written_anew(path):
    state = State(path, 5, grown=20)
    for ident in range(1, 101):
        state.publish("ann", Entry(ident, str(ident)))
    state.close()
    assert len(path.read_text().splitlines()) < 30
    again = State(path, 5)
    assert ids(again) == [96, 97, 98, 99, 100]
    assert again.history("ann").floor == 95
    again.close()


def test_a_line_that_a_kill_cut_short_is_let_go(path):
    state = State(path, 10)
    state.publish("ann", Entry(5, "frame"))
    state.close()
    path.write_text(path.read_text() + '["note","an')
    again = State(path, 10)
    assert ids(again) == [5]
    again.close()


def test_the_file_is_made_anew_for_its_owner_alone(path):
    path.write_text("")
    path.chmod(0o666)
    (path.parent / "state.new").symlink_to(path.parent / "victim")
    State(path, 10).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not (path.parent / "victim").exists()
    assert sorted(each.name for each in path.parent.iterdir()) == ["state", "state.new"]


@pytest.mark.parametrize(
    "text",
    ["hello\n", "{}\n", "3\n", '["foo"]\n', '["note"]\n["note"]\n', "\xff\xfe",
     '["server","no hex",3]\n["note","ann",1,"x"]\n'],
)  # fmt: skip
def test_a_file_of_somebody_else_is_refused_and_left_alone(path, text):
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationError) as caught:
        State(path, 10)
    assert str(path) in caught.value.message
    assert path.read_text(encoding="latin-1") == text
    assert list(path.parent.iterdir()) == [path]


def link_to_a_victim(path):
    victim = path.parent / "victim"
    victim.write_text("")
    path.symlink_to(victim)


@pytest.mark.parametrize("make", [link_to_a_victim, os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_refused_and_left_alone(path, make):
    make(path)
    before = path.lstat()
    with pytest.raises(ConfigurationError, match="not a regular file"):
        State(path, 10)
    assert path.lstat().st_ino == before.st_ino


def test_a_file_that_cannot_be_written_is_refused(path):
    with pytest.raises(ConfigurationError):
        State(path / "nowhere" / "state", 10)
