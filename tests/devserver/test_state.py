"""What is remembered and replayed, and what the state file keeps or refuses."""

from __future__ import annotations

import os
import re
import stat

import pytest

from notifyws.devserver.context import Context
from notifyws.devserver.server import ServerOptions
from notifyws.devserver.state import Entry, History, Overtaken, Session, State
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


def test_only_what_is_promised_is_written_anew_at_a_start(path):
    state = State(path, 5)
    for ident in range(1, 101):
        state.publish("ann", Entry(ident, str(ident)))
    state.close()
    again = State(path, 5)
    assert len(path.read_text().splitlines()) < 10
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
    with pytest.raises(ConfigurationError, match=re.escape(str(path))):
        State(path, 10)
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


# Histories

BORN = 1000


def history(count, limit=10):
    one = History(BORN, limit)
    for ident in range(BORN + 10, BORN + 10 * count + 1, 10):
        one.add(Entry(ident, str(ident)))
    return one


def replayed(one, since):
    """What a client is sent that names the last id it has seen, and the gap."""
    seen, gap = one.resume(since)
    return [entry.id for entry in one.after(seen, 1_000_000)], gap


@pytest.mark.parametrize(
    ("since", "later"),
    [
        (None, []),
        ("", []),
        ("0", [1010, 1020, 1030]),
        ("1000", [1010, 1020, 1030]),
        ("1010", [1020, 1030]),
        ("1015", [1020, 1030]),
        ("1030", []),
    ],
)
def test_everything_later_than_an_id_is_replayed(since, later):
    assert replayed(history(3), since) == (later, None)


@pytest.mark.parametrize("since", ["0", "1010"])
def test_only_the_newest_are_promised_and_what_is_missing_is_told(since):
    later, gap = replayed(history(25), since)
    assert later == list(range(1160, 1251, 10))
    assert (gap["type"], gap["from"], gap["to"]) == ("gap", since, "1160")


def test_the_id_just_before_the_oldest_leaves_no_gap():
    later, gap = replayed(history(25), "1150")
    assert (len(later), gap) == (10, None)


@pytest.mark.parametrize(
    "since", ["rubbish", "-5", "\u00b2", "99999", "10" * 40, "9" * 5000]
)
def test_an_id_that_cannot_be_placed_gets_a_gap_and_all_there_is(since):
    later, gap = replayed(history(3), since)
    assert (later, gap["from"]) == ([1010, 1020, 1030], since)


def test_an_id_of_an_earlier_life_gets_a_gap_though_nothing_is_kept():
    later, gap = replayed(History(BORN, 10), "999")
    assert (later, gap["from"], gap["to"]) == ([], "999", "1000")


def test_at_every_length_what_is_kept_is_what_is_promised():
    for count in range(1, 75):
        one = history(count)
        expected = list(range(BORN + 10, BORN + 10 * count + 1, 10))[-10:]
        assert [entry.id for entry in one.promised()] == expected
        assert one.floor == (expected[0] - 10 if count > 10 else BORN)
        assert one.newest == expected[-1]


def test_who_starts_at_the_oldest_is_not_overtaken_by_a_whole_limit_more():
    one = history(30)
    seen = one.floor
    for ident in range(2000, 2010):
        one.add(Entry(ident, ""))
    assert one.after(seen, 1)[0].id == 1210


def test_an_id_whose_followers_are_gone_is_told():
    one = history(31)
    with pytest.raises(Overtaken):
        one.after(BORN, 1)
    assert one.after(one.newest, 5) == []


async def test_ids_follow_the_clock_always_rise_and_outlive_the_process():
    times = iter([1.0, 1.0, 0.5, 2.0, 1.0])
    state = State(None, 10)
    state.born = 0

    def context():
        return Context(ServerOptions(), state, print, lambda: next(times))

    one = context()
    given = [one.publish("ann", {"type": "a"}) for _ in range(4)]
    assert given == ["1000000", "1000001", "1000002", "2000000"]
    assert context().publish("ann", {}) == "2000001"
