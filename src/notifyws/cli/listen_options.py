"""Options of ``listen`` that mean something together, read and refused.

To whom it hands on, what it is told of its group, and what it records; and how an
option is read whose value may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from notifyws.cli.options import belong_to, want_at_least, want_positive
from notifyws.delivery.targets import (
    DeliveryTargets,
    Route,
    apprise_url,
    is_header,
    secret_of,
)
from notifyws.errors import UsageError
from notifyws.ui.streams import say

if TYPE_CHECKING:
    from notifyws.fleet.group.build import GroupOptions
    from notifyws.service import NotificationService


def targets_of(
    command: str | None,
    url: str | None,
    headers: Sequence[str],
    secret_in: str | None,
    desktop: bool,
    apprise: Sequence[str] | None,
    routes: tuple[Route, ...] = (),
) -> DeliveryTargets:
    """Return to whom notifications are handed on.

    Raises:
        UsageError: something is missing, or is not what it should be.
    """
    if command is not None and not command.strip():
        raise UsageError("--exec names no command", "as in --exec 'notify-team'")
    if url == "":
        raise UsageError("--forward-to names no URL", "as in https://host/path")
    if not url:
        belong_to("--forward-to URL", ("-H", headers), ("--sign-secret", secret_in))
    return DeliveryTargets(
        command=command or "",
        url=url or "",
        headers=dict(map(_header, headers)),
        secret=secret_of(secret_in, "--sign-secret") if secret_in else "",
        desktop=desktop,
        tell=say,
        apprise=tuple(apprise_url(each, "--apprise") for each in apprise or ()),
        routes=routes,
    )


def routes_of(said: Path | None, env_file: Path | None) -> tuple[Route, ...]:
    """Return the routes that are asked for.

    Args:
        said: the file that holds them, ``Path()`` for ``config.toml``; ``None`` for
            no routes.
        env_file: which may say where that is.

    Raises:
        ConfigurationError: there are none, or one of them is wrong.
    """
    if said is None:
        return ()
    from notifyws.delivery.route_file import load_routes

    if said != Path():
        return load_routes(said)
    from notifyws.config.files import demand_not_anothers
    from notifyws.config.sources import config_file

    path = config_file(env_file)
    demand_not_anothers(path, f"name it: --routes {path}")
    return load_routes(path)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not (colon and is_header(name, value)):
        message = f"-H takes NAME:VALUE, not {name!r}"
        raise UsageError(message, "as in -H 'X-Key: 1'")
    return name, value


def group_options(
    group: str | None, key: str | None, claim_after: float | None, sockets: int | None
) -> GroupOptions | None:
    """Return what a member is told of its group, if there is one.

    Raises:
        UsageError: something makes no sense.
    """
    if group is None:
        more = ("--key", key), ("--claim-after", claim_after), ("--sockets", sockets)
        belong_to("--group NAME", *more)
        return None
    from notifyws.fleet.group.build import GroupOptions

    want_positive("--claim-after", claim_after, 60)
    want_at_least(1, "--sockets", sockets, "leave it out for one")
    if key == "":
        raise UsageError("--key names nothing", "as in --key data.tripId")
    return GroupOptions(group, key or "", claim_after or 60.0, sockets or 1)


def recording_of(
    service: NotificationService,
    path: Path | None,
    warn: Callable[[str], None],
    *,
    secrets: bool,
) -> AbstractContextManager[None]:
    """Return what records a service in a new file meanwhile, if that is asked for.

    Raises:
        ConfigurationError: the file cannot be made.
    """
    if path is None:
        return nullcontext()
    from notifyws.fleet.recorded import recorded

    if secrets:
        warn(f"{path} will hold tokens and passwords: keep it to yourself")
    return recorded(service.listener, path, warn, unmasked=secrets)


OPTIONAL = {"--routes"}
"""Options whose value may be left out, which typer has no word for."""


class WithOptionalValues(TyperCommand):
    """A command that has such an option: ``--routes`` alone is ``--routes ''``.

    It takes nothing but options, so that whatever follows and is no option is a value.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line, with an empty value where one was left out."""
        whole = args if ctx.resilient_parsing else [*with_values(args)]
        return super().parse_args(ctx, whole)


def with_values(args: Iterable[str]) -> Iterable[str]:
    """Yield the words of a command line, with an empty one where a value is missing."""
    lacking = False
    for word in args:
        if lacking and word.startswith("-"):
            yield ""
        yield word
        lacking = word in OPTIONAL
    if lacking:
        yield ""


def address_of(metrics: str | None) -> tuple[str, int] | None:
    """Return host and port of the pages that others read, if any are wanted.

    Raises:
        UsageError: it is no such thing.
    """
    if metrics is None:
        return None
    from notifyws.fleet.metrics_server import parse_address

    return parse_address(metrics)
