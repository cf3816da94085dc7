"""To whom ``listen`` hands on: its options read, and refused where they are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from notifyws.delivery.targets import (
    DeliveryTargets,
    Route,
    apprise_url,
    is_header,
    secret_of,
)
from notifyws.errors import UsageError
from notifyws.ui.streams import say


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
    if not url and (headers or secret_in):
        what = "-H" if headers else "--sign-secret"
        raise UsageError(f"{what} goes with --forward-to", "add --forward-to URL")
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
