"""Checks: named probes, run in order, each pass, warn, fail or skip.

Each layer stands on the one before it: after a failure the rest is not tried. What a
probe looks at is handed in; here is only the order and the words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from msgspec import Struct

from notifyws.errors import NotifyError

__all__ = ["Advice", "Check", "CheckSkipped", "CheckWarning", "Probe", "run_checks"]


class Check(Struct, frozen=True):
    """What came of one probe.

    Args:
        name: what was looked at.
        status: ``skip`` when it was not tried, or there is nothing to try.
        detail: what was seen.
        hint: the next command to try, when it did not pass.
        exit_code: of the command, when it failed.
        left_out: whether it was not tried, because one before it failed.
    """

    name: str
    status: Literal["pass", "warn", "fail", "skip"]
    detail: str
    hint: str = ""
    exit_code: int = 0
    left_out: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return ``{"name", "status", "detail", "hint"?}``."""
        facts = {"name": self.name, "status": self.status, "detail": self.detail}
        return {**facts, "hint": self.hint} if self.hint else facts


class CheckWarning(Exception):
    """A probe saw something that works, but not well."""

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


class CheckSkipped(Exception):
    """A probe has nothing to look at."""


Probe = Callable[[], Awaitable[str]]
Advice = Callable[[str, NotifyError], str]


async def run_checks(
    probes: Sequence[tuple[str, Probe]],
    advice: Advice = lambda name, error: error.hint,
) -> list[Check]:
    """Run probes in order.

    Args:
        probes: each returns what it saw, or raises what is wrong.
        advice: what to try next after an error of the probe of that name.
    """
    checks: list[Check] = []
    failed: str | None = None
    for name, probe in probes:
        if failed is not None:
            why = f"not tried, because {failed} failed"
            checks.append(Check(name, "skip", why, left_out=True))
            continue
        checks.append(await _run(name, probe, advice))
        if checks[-1].status == "fail":
            failed = name
    return checks


async def _run(name: str, probe: Probe, advice: Advice) -> Check:
    try:
        return Check(name, "pass", await probe())
    except CheckWarning as doubt:
        return Check(name, "warn", doubt.detail, doubt.hint)
    except CheckSkipped as skip:
        return Check(name, "skip", str(skip))
    except NotifyError as error:
        hint = advice(name, error)
        return Check(name, "fail", error.message, hint, error.exit_code)
