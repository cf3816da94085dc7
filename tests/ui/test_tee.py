"""The file of ``--tee``: every line whole, in the file of that name, or a gap."""

from __future__ import annotations

import json
import os
import resource
import signal
from contextlib import contextmanager

import pytest

from notifyws.errors import ConfigurationError
from notifyws.events import Closed
from notifyws.models import Notification
from notifyws.ui.tee import Tee


def note(text: str) -> Notification:
    return Notification({"type": "t", "title": text}, "2024-01-15T10:30:00Z")


class Scene:
    def __init__(self, path):
        self.path, self.warned, self.gaps = path, [], []
        self.tee = Tee(path, self.warned.append, lambda *gap: self.gaps.append(gap))

    def show(self, *texts):
        self.tee.show([Closed(), *map(note, texts)])

    def titles(self, path=None):
        lines = (path or self.path).read_text().splitlines()
        return [json.loads(line)["title"] for line in lines]


@pytest.fixture
def scene(tmp_path):
    scene = Scene(tmp_path / "log.jsonl")
    yield scene
    scene.tee.close()


def rename(path):
    path.rename(path.with_name("log.1"))


def replace(path):
    other = path.with_name("other")
    other.write_text("")
    other.replace(path)


def truncate(path):
    path.write_text("")


@pytest.mark.parametrize("move", [rename, os.unlink, replace, truncate])
def test_what_comes_after_a_rotation_is_in_the_file_of_that_name(scene, move):
    scene.show("one")
    move(scene.path)
    scene.show("two")
    assert scene.titles() == ["two"]
    assert os.stat(scene.path).st_mode & 0o77 in (0, 0o44)
    assert (scene.warned, scene.gaps) == ([], [])


def test_what_is_written_through_a_link_follows_the_link(tmp_path):
    first, second, link = (tmp_path / name for name in ("a", "b", "link"))
    link.symlink_to(first)
    scene = Scene(link)
    scene.show("one")
    link.unlink()
    link.symlink_to(second)
    scene.show("two")
    scene.tee.close()
    assert (scene.titles(first), scene.titles(second)) == (["one"], ["two"])


@contextmanager
def full_at(size: int):
    """A disk that holds so many bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("room", [0, 10])
def test_a_full_disk_costs_what_it_did_not_take_and_tears_no_other_line(scene, room):
    scene.show("one")
    with full_at(scene.path.stat().st_size + len(note("two").line()) + 1 + room):
        scene.show("two", "three")
        scene.show("four")
    scene.show("five")
    whole = [line for line in scene.path.read_text().splitlines() if line[-1:] == "}"]
    assert [json.loads(line)["title"] for line in whole] == ["one", "two", "five"]
    ((since, reason),) = scene.gaps
    assert since == "2024-01-15T10:30:00Z"
    assert reason.startswith("2 are missing in the file of --tee: ")
    assert len(scene.warned) == 1


def test_what_a_killed_process_left_torn_is_closed_first(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"type":"t","ti')
    scene = Scene(path)
    scene.show("one")
    scene.tee.close()
    assert path.read_text() == '{"type":"t","ti\n' + note("one").line() + "\n"


def test_while_its_folder_is_gone_it_is_tried_again_with_each_burst(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    scene = Scene(folder / "log.jsonl")
    folder.rename(tmp_path / "old")
    scene.show("one")
    scene.show("two")
    assert len(scene.warned) == 1
    assert "cannot append" in scene.warned[0]
    folder.mkdir()
    scene.show("three")
    assert scene.titles() == ["three"]
    assert [reason.partition(":")[0] for _, reason in scene.gaps] == [
        "2 are missing in the file of --tee"
    ]
    scene.tee.close()


def test_what_is_missing_in_the_end_is_said(tmp_path):
    scene = Scene(tmp_path / "log")
    scene.path.unlink()
    scene.path.mkdir()
    scene.show("one")
    scene.tee.tell_missing()
    scene.tee.close()
    assert "1 are missing" in scene.warned[-1]
    assert len(scene.warned) == 2
    assert scene.gaps == []


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: None])
def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path, make):
    make(path := tmp_path / "odd")
    path = path if path.exists() else "/dev/null"
    with pytest.raises(ConfigurationError, match="cannot append to"):
        Scene(path)
