"""A real Chromium, one for all tests of a process, driven by Playwright.

Its stories run in a thread of their own: Playwright keeps a loop running in whichever
thread it is used, and other tests want to start theirs.
"""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")
REBOUND = "rebound.example"
"""A name of somebody else's that leads to this machine."""
FLAGS = [
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1",
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PATIENCE = 15.0
"""Seconds that anything in a page may take."""
WHOLE = 60.0
"""Seconds that a story may take."""


def found() -> str | None:
    """Return the path of a Chromium: ``$CHROMIUM``, or one of the usual names."""
    names = filter(None, (os.environ.get("CHROMIUM"), *NAMES))
    return next(filter(None, map(shutil.which, names)), None)


class Chromium:
    """A browser; each story has a profile and a page of its own."""

    def __init__(self, path: str) -> None:
        self._thread = ThreadPoolExecutor(1, "chromium")
        self._do(self._start, path)

    def run(self, story: Callable[..., None], *, loud: bool = False) -> None:
        """Tell a story, with a page; no page complains in it, unless it may be loud.

        A page complains of what its policy forbids, and of an error in its script.
        """
        self._do(self._run, story, loud)

    def stop(self) -> None:
        self._do(self._stop)
        self._thread.shutdown()

    def _do(self, function: Callable[..., None], *args: Any) -> None:
        self._thread.submit(function, *args).result(WHOLE)

    def _start(self, path: str) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=path, args=FLAGS
        )

    def _run(self, story: Callable[..., None], loud: bool) -> None:
        complaints: list[str] = []
        with self._browser.new_context() as context:
            context.set_default_timeout(PATIENCE * 1000)
            context.on("weberror", lambda error: complaints.append(str(error.error)))
            context.on("console", lambda said: complaints.append(said.text))
            story(context.new_page())
        complaints = [each for each in complaints if "Failed to load" not in each]
        assert loud or not complaints, complaints

    def _stop(self) -> None:
        self._browser.close()
        self._playwright.stop()


@pytest.fixture(scope="session")
def chromium():
    """The browser; without one its tests are skipped."""
    path = found()
    if path is None:
        pytest.skip("no Chromium is installed: install one, or name it in CHROMIUM")
    browser = Chromium(path)
    yield browser
    browser.stop()


def in_chromium(story: Callable[..., None]) -> Callable[..., None]:
    """Run a story in the browser, with a page before its fixtures."""
    _, *rest = inspect.signature(story).parameters.values()
    first = inspect.Parameter("chromium", inspect.Parameter.POSITIONAL_OR_KEYWORD)

    def test(chromium: Chromium, **fixtures: Any) -> None:
        chromium.run(lambda page: story(page, **fixtures))

    test.__name__, test.__doc__ = story.__name__, story.__doc__
    test.__module__ = story.__module__
    test.__signature__ = inspect.Signature([first, *rest])  # type: ignore[attr-defined]
    return test
