"""The file of a recording: new, its owner's alone, and read as far as it goes."""

from __future__ import annotations

import gzip
import os
import sys

import pytest

from notifyws.config.recording_file import RecordingFile, read_lines
from notifyws.errors import ConfigurationError


@pytest.mark.parametrize("name", ["r", "r.jsonl", "r.jsonl.gz", "r.GZ"])
def test_what_is_written_is_read(tmp_path, name):
    path = tmp_path / name
    file = RecordingFile(path, pytest.fail)
    file.write("one\n")
    file.write("two\n")
    file.close()
    file.close()
    file.write("three\n")
    assert list(read_lines(path)) == [b"one\n", b"two\n"]
    assert path.read_bytes().startswith(b"\x1f\x8b") is (name.lower().endswith("gz"))


def test_a_plain_file_can_be_followed_line_by_line(tmp_path):
    path = tmp_path / "r"
    file = RecordingFile(path, pytest.fail)
    file.write("one\n")
    assert path.read_text() == "one\n"
    file.close()


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="it is known there")
def test_zst_is_for_a_python_that_knows_it(tmp_path):
    path = tmp_path / "r.zst"
    with pytest.raises(ConfigurationError, match=r"knows no \.zst") as caught:
        RecordingFile(path, pytest.fail)
    assert caught.value.hint == "name the file .jsonl.gz"
    assert not path.exists()
    with pytest.raises(ConfigurationError, match=r"knows no \.zst"):
        list(read_lines(path))


@pytest.mark.skipif(sys.version_info < (3, 14), reason="not known before")
def test_zst_is_compressed(tmp_path):
    path = tmp_path / "r.zst"
    file = RecordingFile(path, pytest.fail)
    file.write("one\n")
    file.close()
    assert list(read_lines(path)) == [b"one\n"]


def test_what_a_killed_process_left_is_read_as_far_as_it_goes(tmp_path):
    lines = [os.urandom(40).hex().encode() + b"\n" for _ in range(2000)]
    path = tmp_path / "r.gz"
    path.write_bytes(gzip.compress(b"".join(lines))[:-2000])
    read = list(read_lines(path))
    assert read[:-1] == lines[: len(read) - 1]
    assert 1000 < len(read) < 2000
    assert not read[-1].endswith(b"\n")


def test_a_last_line_without_an_end_is_there_as_it_is(tmp_path):
    path = tmp_path / "r"
    path.write_bytes(b"one\ntw")
    assert list(read_lines(path)) == [b"one\n", b"tw"]


def test_a_recording_that_grows_beyond_all_bounds_is_not_read(tmp_path):
    path = tmp_path / "r.gz"
    path.write_bytes(gzip.compress(b"one\n" + bytes(3 << 20)))
    with pytest.raises(ConfigurationError, match="takes more than 1 MiB"):
        list(read_lines(path, largest=1 << 20))
    path.write_bytes(gzip.compress(b"one\n" * 9))
    with pytest.raises(ConfigurationError, match="takes more than"):
        list(read_lines(path, largest=20))
    assert len(list(read_lines(path))) == 9


def test_lines_that_hold_next_to_nothing_count_for_what_they_take(tmp_path):
    path = tmp_path / "r.gz"
    path.write_bytes(gzip.compress(b"{}\n" * 10_000))  # 30 kB of text
    with pytest.raises(ConfigurationError, match="takes more than 1 MiB"):
        list(read_lines(path, largest=1 << 20))


@pytest.mark.parametrize("name", ["r", "r.gz"])
def test_a_full_disk_is_said_once_and_ends_it(tmp_path, name):
    full = tmp_path / name
    full.touch()
    said = []
    file = RecordingFile(full, said.append)
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        for number in os.listdir("/proc/self/fd"):
            if os.path.realpath(f"/proc/self/fd/{number}") == str(full):
                os.dup2(descriptor, int(number))
        file.write("one\n")
        file.write("two\n")
        file.close()
    finally:
        os.close(descriptor)
    assert said == [f"the recording {full} ends here: No space left on device"]


def test_a_file_of_another_kind_is_said(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, words in {"pipe": "cannot read", "no": "there is no recording"}.items():
        with pytest.raises(ConfigurationError, match=words):
            list(read_lines(tmp_path / name))
