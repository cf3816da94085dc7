"""The catalogue of faults: which test answers which number, and the table of them.

A test names the faults it answers: ``@pytest.mark.fault(13)``. ``pytest -m fault
--fault-table`` prints number, fault, outcome and seconds, and fails when a number of
the catalogue has no test.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

FAULTS = {
    1: "refused at start, up later",
    2: "the name does not resolve",
    3: "accepts and says nothing, or drips the handshake",
    4: "junk, TLS where none is expected and the reverse, HTTP 200",
    5: "a certificate that is untrusted, expired or for another host",
    6: "401: one refresh, one login, then the end",
    7: "other HTTP answers, and every kind of Retry-After",
    8: "redirects are not followed",
    9: "accept, then close, over and over",
    10: "huge bodies, many headers, endless header lines",
    11: "a proxy, and its 407",
    12: "every close code at its boundaries",
    13: "RST, FIN or a TLS cut in the middle of a frame",
    14: "a black hole, in one direction or both",
    15: "the wall clock jumps; the machine sleeps",
    16: "the network flaps",
    17: "a signal at any moment, and a second one",
    18: "the token expires while connected",
    19: "two hundred listeners and a restart",
    20: "frames that are no JSON objects",
    21: "JSON bombs and oddities",
    22: "unknown fields, types and absurd times",
    23: "deflate bombs, fragments, ping floods, oversized frames",
    24: "50,000 a second into a blocked pipe",
    25: "duplicates after a resume, and gaps",
    26: "many processes, one empty cache",
    27: "the lock's holder is killed or stopped",
    28: "the refresh reply is lost",
    29: "odd answers to a refresh",
    30: "odd answers to a login",
    31: "a wrong password",
    32: "a 401 after another refreshed; a logout during a refresh",
    33: "the cache refuses, hangs, is full, or holds rubbish",
    34: "two users, two URLs: never a token to the wrong one",
    35: "a host clock ten minutes off",
    36: "escape sequences from remote text",
    37: "markup, emoji codes and links that are none",
    38: "stdout closed or full, odd terminals and locales",
    39: "secrets, looked for everywhere",
    40: "files 0600, folders 0700",
    41: "message text that looks like code",
    42: "hooks that hang, fork, read nothing, or are not there",
    43: "a forward target that is down, slow or busy",
    44: "SIGKILL between receipt and the hook's end",
    45: "a disk that is full or read-only",
    46: "a soak: random faults, and the invariant",
}
"""Number -> the fault in a few words; 46 is the soak that closes the list."""


TABLES = ("tests/e2e/", "tests/faults/", "tests/field/")
"""Where tests start whole commands, each of which takes a third of a second."""


def sample(*values: Any, often: int = 1) -> list[Any]:
    """Return parameters: the first few for every run, the others for the catalogue."""
    slow = [pytest.param(value, marks=pytest.mark.slow) for value in values[often:]]
    return [*values[:often], *slow]


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--fault-table", action="store_true", help="print the catalogue")


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "fault(*numbers): answers these faults")
    config.addinivalue_line("markers", "slow: takes long; run by make faults only")


@pytest.hookimpl(tryfirst=True)  # before those that are slow are left out
def pytest_collection_modifyitems(items: list[Any]) -> None:
    _leave_to_the_catalogue(items)
    for item in items:
        for mark in item.iter_markers("fault"):
            unknown = set(mark.args) - set(FAULTS)
            if unknown:
                raise pytest.UsageError(f"{item.nodeid}: no such fault: {unknown}")
            item.user_properties.append(("faults", list(mark.args)))


def _leave_to_the_catalogue(items: list[Any]) -> None:
    """Mark what ``make test`` has no time for: it takes two minutes at most.

    Of a table that is tried with whole commands it runs one row, of what is tried in a
    browser one test, and of the catalogue one for each fault; ``make faults`` runs them
    all.
    """
    rows, faults = set[str](), set[int]()
    for item in items:
        in_a_browser = "chromium" in getattr(item, "fixturenames", ())
        if item.get_closest_marker("slow"):
            continue
        if not in_a_browser and not item.nodeid.startswith(TABLES):
            continue
        test = "chromium" if in_a_browser else item.nodeid.partition("[")[0]
        numbers = {n for mark in item.iter_markers("fault") for n in mark.args}
        if test in rows or (numbers and numbers <= faults):
            item.add_marker(pytest.mark.slow)
        rows.add(test)
        faults |= numbers


class _Rows:
    def __init__(self) -> None:
        self.tests: dict[int, int] = defaultdict(int)
        self.seconds: dict[int, float] = defaultdict(float)
        self.bad: dict[int, list[str]] = defaultdict(list)

    def add(self, report: Any) -> None:
        for name, numbers in report.user_properties:
            if name != "faults":
                continue
            for number in numbers:
                self.seconds[number] += report.duration
                self.tests[number] += report.when == "call"
                if not report.passed:
                    self.bad[number].append(report.outcome)


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    if not config.getoption("--fault-table"):
        return
    rows = _Rows()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "user_properties"):
                rows.add(report)
    terminalreporter.section("catalogue of faults")
    for number, words in FAULTS.items():
        count = rows.tests[number]
        outcome = "NO TEST" if not count else f"{count:>3} passed"
        if rows.bad[number]:
            outcome = f"{len(rows.bad[number])} " + "/".join(
                sorted(set(rows.bad[number]))
            )
        line = f"{number:>3}  {words:<62} {outcome:<12} {rows.seconds[number]:7.2f} s"
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: Any, exitstatus: int) -> None:
    if not session.config.getoption("--fault-table") or exitstatus:
        return
    if hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    rows = _Rows()
    for report in reporter.stats.get("passed", []):
        rows.add(report)
    if any(not rows.tests[number] for number in FAULTS):
        session.exitstatus = 1
