"""Libraries say nothing past us: no traceback, no words as they came, nothing twice."""

from __future__ import annotations

import logging
import subprocess
import sys

from notifyws.ui.library_log import AGAIN, LibraryLog

SCENE = """
import asyncio, logging, sys
from notifyws.cli.process import run

async def story():
    for name in ("asyncio", "desktop_notifier", "httpx"):
        for _ in range(50):
            try:
                raise ValueError("\\x1b]0;own\\x07")
            except ValueError:
                logging.getLogger(name).error("%s \\x1b]0;bad\\x07\\nmore", name,
                                              exc_info=True)

run(story())
"""


def test_what_nobody_listens_to_is_one_harmless_line_or_nothing():
    argv = [sys.executable, "-c", SCENE]
    said = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert said.stdout == ""
    (line,) = said.stderr.splitlines()
    assert line.startswith("warning: asyncio")
    assert line.endswith("(ValueError)")
    assert "\x1b" not in line


def test_where_somebody_listens_it_is_left_to_them():
    listened = SCENE.replace("run(story())", "logging.basicConfig(); run(story())")
    argv = [sys.executable, "-c", listened]
    said = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert said.stderr.count("Traceback") == 150


def test_the_same_is_said_again_after_a_while(capfd):
    now = [1000.0]
    log = LibraryLog(now=lambda: now[0])
    record = logging.LogRecord("x", logging.ERROR, "", 0, "out of it", (), None)
    for moment in (0, 1, AGAIN - 1, AGAIN):
        now[0] = 1000.0 + moment
        log.handle(record)
    assert capfd.readouterr().err.count("out of it") == 2
