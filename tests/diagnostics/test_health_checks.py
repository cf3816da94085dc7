"""Checks run in order, and stop where the ground gives way."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from notifyws.diagnostics.findings import Finding, skipped, warning
from notifyws.diagnostics.health_checks import run_checks
from notifyws.errors import AuthenticationFailed, NetworkFailed

pytestmark = pytest.mark.virtual_time


def sees(what):
    async def probe() -> str:
        if isinstance(what, Exception):
            raise what
        return what

    return probe


async def test_what_a_probe_saw_is_a_pass():
    assert await run_checks([("dns", sees("192.0.2.1"))]) == [
        Finding("dns", "pass", "192.0.2.1")
    ]


@pytest.mark.parametrize(
    "seen", [warning("", "3 days left", "renew it"), skipped("not encrypted")]
)
async def test_a_doubt_or_nothing_to_look_at_is_told_and_the_next_check_runs(seen):
    tls, token = await run_checks([("tls", sees(seen)), ("token", sees("fresh"))])
    assert tls == replace(seen, name="tls")
    assert (tls.exit_code, token.status) == (0, "pass")


@pytest.mark.parametrize(
    ("error", "code"),
    [(NetworkFailed("no route", "look"), 5), (AuthenticationFailed("no", "look"), 4)],
)
async def test_a_failure_carries_its_layer_s_exit_code_and_hint(error, code):
    (check,) = await run_checks([("tcp", sees(error))])
    assert (check.status, check.detail) == ("fail", error.message)
    assert (check.hint, check.exit_code) == ("look", code)


async def test_after_a_failure_nothing_else_is_tried():
    tried = []

    async def touched() -> str:
        tried.append(1)
        return ""

    probes = [("tcp", sees(NetworkFailed("no"))), ("tls", touched), ("ping", touched)]
    checks = await run_checks(probes)
    assert [each.status for each in checks] == ["fail", "skip", "skip"]
    assert checks[2].detail == "not tried, because tcp failed"
    assert [each.left_out for each in checks] == [False, True, True]
    assert tried == []


async def test_a_bug_in_a_probe_is_not_taken_for_a_finding():
    with pytest.raises(ZeroDivisionError):
        await run_checks([("tcp", sees(ZeroDivisionError()))])
