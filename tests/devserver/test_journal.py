"""What the state file keeps, and what it refuses to overwrite."""

from __future__ import annotations

import stat

import pytest

from notifyws.devserver.history import Entry
from notifyws.devserver.journal import Journal, Memory, load
from notifyws.devserver.tokens import Session
from notifyws.errors import ConfigurationError

SESSION = Session("s1", "ann", "digest", 20.0, 30.0, 0)


def test_without_a_path_nothing_is_kept():
    journal = Journal(None, lambda: ())
    journal.write("note", "ann", 1, "x")
    journal.close()
    assert load(None, 10).histories == {}


def test_a_missing_file_is_a_new_memory(tmp_path):
    assert load(tmp_path / "new", 10).sessions == {}


def test_each_memory_has_a_secret_of_its_own():
    assert load(None, 10).secret != load(None, 10).secret


def test_what_was_written_is_remembered(tmp_path):
    path = tmp_path / "state"
    memory = Memory(10)
    journal = Journal(path, memory.records)
    journal.write("session", "s1", "ann", "digest", 20.0, 30.0, 0)
    journal.write("session", "s2", "ann", "other", 20.0, 30.0, 0)
    journal.write("ended", "s2")
    journal.write("note", "ann", 5, "frame")
    again = load(path, 10)  # the journal was never closed: like after a kill
    journal.close()
    assert (again.secret, again.born) == (memory.secret, memory.born)
    assert again.sessions == {"s1": SESSION}
    assert list(again.history("ann").promised()) == [Entry(5, "frame")]


def test_the_file_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "state"
    Journal(path, Memory(10).records).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_has_grown_is_written_anew(tmp_path):
    path = tmp_path / "state"
    memory = Memory(5)
    journal = Journal(path, memory.records, grown=20)
    for ident in range(1, 101):
        memory.history("ann").add(Entry(ident, str(ident)))
        journal.write("note", "ann", ident, str(ident))
    journal.close()
    assert len(path.read_text().splitlines()) < 30
    again = load(path, 5).history("ann")
    assert [entry.id for entry in again.promised()] == [96, 97, 98, 99, 100]
    assert again.floor == 95


def test_a_line_that_a_kill_cut_short_is_let_go(tmp_path):
    path = tmp_path / "state"
    journal = Journal(path, Memory(10).records)
    journal.write("note", "ann", 5, "frame")
    journal.close()
    path.write_text(path.read_text() + '["note","an')
    assert load(path, 10).history("ann").newest == 5


@pytest.mark.parametrize(
    "text",
    ["hello\n", "{}\n", "3\n", '["foo"]\n', '["note"]\n["note"]\n', "\xff\xfe"],
)
def test_a_file_of_somebody_else_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "letter"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationError) as caught:
        load(path, 10)
    assert str(path) in caught.value.message
    assert path.read_text(encoding="latin-1") == text


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ConfigurationError):
        Journal(tmp_path / "nowhere" / "state", lambda: ())
