"""``notifyws listen``: notifications as they arrive, until told to stop.

Annotations are no text here: to read those of so many options takes 4 ms.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from notifyws.cli.completion import servers as server_entries
from notifyws.cli.completion import types
from notifyws.cli.listen_options import (
    WithOptionalValues,
    address_of,
    group_options,
    routes_of,
    targets_of,
)
from notifyws.cli.options import (
    FORMAT,
    QUERY,
    Common,
    belong_to,
    examples,
    exclude,
    option,
    shape_of,
    shown,
    want_at_least,
    want_positive,
    where,
    with_common,
)
from notifyws.cli.process import run
from notifyws.cli.servers import ServerChoice
from notifyws.delivery.filters import Selection
from notifyws.delivery.targets import DeliveryTargets
from notifyws.protocol.since import parse_duration, parse_since
from notifyws.ui.streams import say, warner

if TYPE_CHECKING:
    from notifyws.config.settings import Settings
    from notifyws.ui.renderers import DisplayOptions

EXAMPLES = examples(
    "notifyws listen --demo",
    "notifyws listen --json -t trip_update -n 1 --timeout 60 | jq .title",
)

COMMAND = WithOptionalValues

ending = partial(option, panel="When it ends")
delivery = partial(option, panel="Handing on")
together = partial(option, panel="In a group")
lasting = partial(option, panel="Missing nothing")
watching = partial(option, panel="Being watched")


@with_common
def listen(
    *,
    json: bool = shown("--json", "JSON Lines.", default=False),
    plain: bool = shown("--plain", "One readable line each.", default=False),
    raw: bool = shown("--raw", "Frames as received.", default=False),
    format_: str | None = FORMAT,
    query: str | None = QUERY,
    type_: list[str] | None = shown(
        "--type -t TYPE", "Only this type; repeat for more.", autocompletion=types
    ),
    filter_: str | None = shown(
        "--filter EXPR", "Only where this JMESPath expression is true."
    ),
    events: bool = shown(
        "--events", "Connection events among the JSON Lines.", default=False
    ),
    tee: Path | None = shown("--tee FILE", "Append JSON Lines to a file as well."),
    since: str | None = lasting(
        "--since ID|TIME", "Begin after this id, at a time, or so long ago: 10m, 2h."
    ),
    count: int | None = ending("--count -n N", "End after N."),
    until: str | None = ending(
        "--until EXPR", "End with the first where this is true."
    ),
    timeout: float | None = ending(
        "--timeout SECONDS", "Give up after so long: exit code 3."
    ),
    max_retries: int | None = ending(
        "--max-retries N", "Reconnects before giving up; unlimited when left out."
    ),
    no_reconnect: bool = ending(
        "--no-reconnect", "Same as --max-retries 0.", default=False
    ),
    name: str | None = lasting(
        "--name NAME", "Resume where the listener of this name stopped."
    ),
    group: str | None = together(
        "--group NAME", "Share the work with the other listeners of this group."
    ),
    key: str | None = together("--key EXPR", "Keep what has the same key in order."),
    claim_after: float | None = together(
        "--claim-after SECONDS", "Take over what a dead one had; 60."
    ),
    sockets: int | None = together(
        "--sockets N", "How many members hold a socket at once; 1."
    ),
    verify_every: str | None = lasting(
        "--verify-every DURATION", "Ask this often whether the socket missed any."
    ),
    exec_: str | None = delivery(
        "--exec CMD", "Run this for each one: JSON on stdin, fields as NOTIFICATION_*."
    ),
    exec_timeout: float | None = delivery(
        "--exec-timeout SECONDS", "Kill the command after so long; 30."
    ),
    forward_to: str | None = delivery("--forward-to URL", "POST each one there."),
    header: list[str] | None = delivery(
        "--header -H NAME:VALUE", "A header for that; repeat for more."
    ),
    sign_secret: str | None = delivery(
        "--sign-secret VARIABLE", "Sign it with this variable's secret."
    ),
    notify: bool = delivery("--notify", "Show each one on the desktop.", default=False),
    apprise: list[str] | None = delivery(
        "--apprise URL|ENV", "Send each one by Apprise; repeatable."
    ),
    routes: Path | None = delivery(
        "--routes [FILE]", "Hand on by this file's routes, or config.toml's."
    ),
    concurrency: int | None = delivery(
        "--concurrency N", "Hand on N at a time; 1, in order."
    ),
    replay: Path | None = delivery(
        "--replay FILE", "Hand on the dead letters of a file, and end."
    ),
    metrics: str | None = watching(
        "--metrics [HOST:]PORT", "Serve metrics and health checks there."
    ),
    record: Path | None = watching(
        "--record FILE", "Record all frames, to play them back."
    ),
    record_secrets: bool = watching(
        "--record-secrets", "Keep secrets in the recording too.", default=False
    ),
    server: list[str] | None = where(
        "--server NAME",
        "Server entry of config.toml; repeat for several.",
        autocompletion=server_entries,
    ),
    all_: bool = where("--all", "All server entries at once.", default=False),
    any_: bool = ending(
        "--any", "Of several servers, end with the first that ends.", default=False
    ),
    demo: bool = where(
        "--demo", "Show it with a server of its own, right now.", default=False
    ),
    common: Common,
) -> None:
    """Show notifications as they arrive: live in a terminal, JSON Lines in a pipe."""
    from notifyws.cli.listener import Request, listen_to

    want_positive("--timeout", timeout, 60)
    want_positive("--exec-timeout", exec_timeout, 30)
    want_at_least(0, "--max-retries", max_retries, "leave it out to try for ever")
    want_at_least(1, "--concurrency", concurrency, "leave it out to keep the order")
    member = group_options(group, key, claim_after, sockets)
    for other, given in (("--name", name), ("--raw", raw), ("--demo", demo)):
        exclude(("--group", group), (other, given))
    exclude(("--replay", replay), ("--record", record))
    exclude(("--demo", demo), ("--url", common.url))
    if record is None:
        belong_to("--record FILE", ("--record-secrets", record_secrets))
    forms = {"json": json, "plain": plain, "raw": raw}
    show = _display(forms, format_, query, common, events=events, tee=tee)
    selection = Selection(type_ or (), filter_, count, until, warner(common.quiet))
    began = parse_since(since, datetime.now(UTC)) if since is not None else None
    ways = routes_of(routes, common.env_file)
    targets = targets_of(
        exec_, forward_to, header or (), sign_secret, notify, apprise, ways
    )
    flags: dict[str, Any] = {
        "max_retries": max_retries,
        "exec_timeout": exec_timeout,
        "concurrency": concurrency,
    }
    if verify_every is not None:
        flags["verify_every"] = parse_duration(verify_every, "--verify-every")
    alone = {"--since ID": isinstance(began, str), "--record": record}
    alone |= {"--demo": demo, "--replay": replay}
    which = ServerChoice(server or (), all_, any_, alone, name)
    one = demo and not which.are_several
    servers = {"": _for_demo(flags)} if one else which.load(common, flags)
    if replay is not None:
        return _redeliver(replay, servers[""], targets, quiet=common.quiet)
    what = selection, show, timeout, began, name, targets
    how = demo, member, address_of(metrics), any_, no_reconnect
    request = Request(*what, *how, record, record_secrets)
    return run(listen_to(request, servers))


def _display(
    forms: Mapping[str, bool],
    format_: str | None,
    query: str | None,
    common: Common,
    *,
    events: bool,
    tee: Path | None,
) -> "DisplayOptions":
    """Return how to show what arrives.

    Raises:
        UsageError: two options that exclude each other were given.
    """
    from notifyws.ui.renderers import DisplayOptions

    template = ("--format", format_)
    exclude(*((f"--{name}", given) for name, given in forms.items()), template)
    exclude(("--plain", forms["plain"]), ("--raw", forms["raw"]), ("--query", query))
    exclude(("--events", events), template, ("--query", query))
    warn = warner(common.quiet)
    shape = shape_of(format_, query, json=forms["json"], warn=warn)
    form = "shape" if shape else next((n for n, given in forms.items() if given), "")
    return DisplayOptions(form, events, tee, common.verbose, common.quiet, shape)


def _redeliver(
    file: Path, settings: "Settings", targets: DeliveryTargets, *, quiet: bool
) -> None:
    from notifyws.delivery.dead_letters import replay

    count = run(replay(file, settings, targets, warner(quiet)))
    if not quiet:
        letters = "dead letter was" if count == 1 else "dead letters were"
        say(f"{count} {letters} handed on")


def _for_demo(flags: Mapping[str, Any]) -> "Settings":
    """Return settings that nobody's configuration changes."""
    from notifyws.config.settings import Settings

    given = {name: value for name, value in flags.items() if value is not None}
    return replace(Settings(), **given)
