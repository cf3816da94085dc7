"""What cannot be written is told as such, and nothing else is taken for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

WRITING = ["--help", "--version", "", "listen --help"]


def ended(line: str, stdout: int | None) -> tuple[int, str]:
    code = f"import sys; sys.argv[1:] = {line.split()}; from notifyws.cli import app"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; app.main()"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("line", WRITING)
def test_a_reader_that_has_left_is_no_failure(home, line):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert ended(line, writing) == (0, "")
    finally:
        os.close(writing)


MUCH = """
from notifyws.ui import streams
streams.guard_stdout()
for write in (streams.emit, streams.sys.stdout.write):
    write("x" * 5_000_000)
streams.sys.stdout.flush()
"""


def test_a_pipe_that_others_made_non_blocking_takes_all_of_it():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    command = [sys.executable, "-c", MUCH]
    with subprocess.Popen(command, stdout=writing) as process, open(reading) as read:
        os.close(writing)
        assert len(read.read()) == 10_000_000
    assert process.returncode == 0


@pytest.mark.parametrize(("label", "size"), [("warning", 9009), ("error", 4096)])
def test_a_warning_is_whole_for_it_may_be_all_that_is_left_of_a_letter(label, size):
    code = (
        f"from notifyws.ui.streams import say; say('\x1b[2J' + 'x' * 9009, {label!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert "\x1b" not in done.stderr
    assert abs(done.stderr.count("x") - size) < 100


@pytest.mark.slow
@pytest.mark.parametrize("line", WRITING)
def test_a_full_disk_is_said(home, line):
    with open("/dev/full", "wb") as full:
        code, said = ended(line, full.fileno())
    assert code == 74
    assert said.startswith("error: stdout cannot be written: no space left")
