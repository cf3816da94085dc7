"""``notifyws status``: why am I not getting anything?"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import typer

from notifyws.auth.authenticator import Authenticator
from notifyws.cli.options import (
    FORMAT,
    JSON,
    QUERY,
    Common,
    emit_shaped,
    examples,
    exclude,
    option,
    shape_of,
    with_common,
)
from notifyws.cli.process import run
from notifyws.config.sources import Loaded
from notifyws.errors import CacheFailed, NetworkFailed, UsageError, command
from notifyws.ui.streams import draw, emit_json, warner

if TYPE_CHECKING:
    from notifyws.diagnostics.report import Report
    from notifyws.fleet.group.standing import GroupStanding

EXAMPLES = examples(
    "notifyws status --check", "notifyws status --json | jq .tokens.access.expiresIn"
)

FIELDS = (
    *("ok", "version", "profile", "server", "user", "cache", "tokens"),
    *("listeners", "groups", "checks"),
)
"""What ``--json`` and ``--format`` know; a report has these and no others."""


@with_common
def status(
    *,
    check: bool = option("--check", "Try every layer up to the server.", default=False),
    listening: bool = option(
        "--listening", "Succeed only if a listener is connected.", default=False
    ),
    name: str | None = option("--name NAME", "With --listening: which one."),
    group: str | None = option("--group NAME", "How this group of listeners stands."),
    format_: str | None = FORMAT,
    query: str | None = QUERY,
    common: Common,
    json: bool = JSON,
) -> None:
    """Say what is configured, cached and working, and what to do where it is not."""
    if name is not None and not listening:
        raise UsageError("--name goes with --listening", "notifyws status --listening")
    shape = shape_of(format_, query, json=json, known=FIELDS)
    loaded = common.load()
    if group is not None:
        exclude(("--group", group), ("--listening", listening))
        exclude(("--group", group), ("--check", check), ("--format", format_))
        _show_group(run(_group(loaded, group)), json=json)
        return
    if listening:
        run(_want_connected(loaded, name))
        if not (json or check or shape):
            return
    report = run(_look(loaded, thorough=check, quiet=common.quiet or json))
    if shape is not None:
        emit_shaped(shape, report.as_json())
    elif json:
        emit_json(report.as_json())
    else:
        from notifyws.cli.status_page import parts, verdict
        from notifyws.ui.rows import sheet

        told = parts(report, everything=common.verbose > 0)
        draw(lambda width: sheet(verdict(report), told, width))
    if report.failure is not None:
        raise typer.Exit(report.failure.exit_code)


async def _group(loaded: Loaded, name: str) -> GroupStanding:
    """Return how a group stands.

    Raises:
        NetworkFailed: Redis does not answer.
        ConfigurationError: there is none that hosts share.
    """
    from notifyws.fleet.group.standing import find_group

    async with aclosing(Authenticator(loaded.settings, lambda text: None)) as auth:
        try:
            return await find_group(auth, name)
        except CacheFailed as error:
            raise NetworkFailed(error.message, error.hint) from None


def _show_group(group: GroupStanding, *, json: bool) -> None:
    """Show how a group stands.

    Raises:
        NetworkFailed: nobody leads it.
    """
    if json:
        emit_json(group.as_json())
    else:
        from notifyws.cli.status_page import group_fact, member_facts
        from notifyws.ui.rows import Fact, Part, sheet

        mark = "pass" if group.leader else "fail"
        said = f"{group.name}: {group_fact(group).text}"
        told = [Part("Members", list(member_facts(group)))]
        draw(lambda width: sheet(Fact("", said, status=mark), told, width))
    if group.leader is None:
        raise NetworkFailed(
            f"nobody leads the group {group.name}",
            f"start a member: {command('listen', '--group', group.name)}",
        )


async def _want_connected(loaded: Loaded, name: str | None) -> None:
    """Raise unless a listener is connected now."""
    from notifyws.fleet.heartbeat import find_listeners

    async with aclosing(Authenticator(loaded.settings, lambda text: None)) as auth:
        _ = auth.url  # or it says that no server is configured
        try:
            listeners = await find_listeners(auth.cache.primary, auth.account.id, name)
        except CacheFailed as error:
            message = f"cannot see who listens: {error.message}"
            raise NetworkFailed(message, error.hint) from None
    if not any(each.state == "connected" for each in listeners):
        who = f"no listener named {name}" if name else "no listener of this account"
        raise NetworkFailed(f"{who} is connected now", "notifyws status --check")


async def _look(loaded: Loaded, *, thorough: bool, quiet: bool) -> Report:
    from notifyws.diagnostics.report import diagnose

    async with aclosing(Authenticator(loaded.settings, warner(quiet))) as auth:
        return await diagnose(loaded, auth, thorough=thorough)
