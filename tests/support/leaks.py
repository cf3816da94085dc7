"""A test that leaves something open fails itself, not the one that is run after it.

After each test its garbage is collected, so that what complains of not having been
closed does so here (pytest makes that an error of the test), and what is open still is
compared with what was open before: descriptors, threads, child processes.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

GRACE = 2.0
"""Seconds that a thread or a process, told to end, may take for it."""
PROC = "/proc/self"
HAS_PROC = os.path.isdir(PROC)


class _Complaints(logging.Handler):
    """What is complained of while garbage is collected, and what asyncio has lost."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage().partition("\n")[0]
        if "destroyed but it is pending" in message or "never retrieved" in message:
            self.said.append(message)

    def collect(self) -> None:
        """Collect garbage; only words are kept, or it would be kept alive by them."""
        before = sys.unraisablehook
        sys.unraisablehook = lambda each: self.said.append(repr(each.exc_value))
        try:
            gc.collect()
        finally:
            sys.unraisablehook = before


def _open() -> dict[str, str]:
    """Return whatever is open now, by a name that nothing else has meanwhile."""
    found = {f"thread {each.ident}": each.name for each in threading.enumerate()}
    if not HAS_PROC:
        return found
    for number in os.listdir(f"{PROC}/fd"):  # not by pathlib: twice for each test
        try:
            found[f"descriptor {number}"] = os.readlink(f"{PROC}/fd/{number}")
        except FileNotFoundError:  # the one that lists them
            continue
    for task in os.listdir(f"{PROC}/task"):
        try:
            with open(f"{PROC}/task/{task}/children", "rb") as file:
                children = file.read().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found |= {f"process {pid.decode()}": "a child" for pid in children}
    return found


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect tests and no garbage, looking for which took half of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Fail a test that leaves open what it has opened."""
    before, complaints = _open(), _Complaints()
    asyncio = logging.getLogger("asyncio")
    asyncio.addHandler(complaints)
    yield
    complaints.collect()
    end = time.monotonic() + GRACE
    while (left := _open().items() - before.items()) and time.monotonic() < end:
        time.sleep(0.005)
    asyncio.removeHandler(complaints)
    gc.freeze()  # what lives is not looked through again, or this would take long
    said = [*(f"{what} ({which})" for what, which in sorted(left)), *complaints.said]
    assert not said, f"left open: {'; '.join(said)}"
