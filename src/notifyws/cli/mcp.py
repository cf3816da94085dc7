"""``notifyws mcp``: what a listener knows, for a model's client (stdin, stdout)."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial

from notifyws.cli.options import Common, examples, option, with_common
from notifyws.cli.process import run
from notifyws.config.extras import needs_extra
from notifyws.delivery.filters import Selection
from notifyws.errors import UsageError
from notifyws.protocol.since import parse_since
from notifyws.ui.streams import say, warner

EXAMPLES = examples(
    "notifyws mcp --server work --only \"type == 'deploy'\"",
    "notifyws mcp --server work --allow-send --since 1h",
)
MOST_KEPT = 10_000

given = partial(option, panel="What a model is given")


@with_common
def mcp(
    *,
    only: str | None = given(
        "--only EXPR",
        "Only what this JMESPath expression is true for; nothing else is seen.",
    ),
    allow_send: bool = given(
        "--allow-send", "Let it send messages as well.", default=False
    ),
    keep: int = given("--keep N", "Remember the newest N.", default=200),
    since: str | None = given(
        "--since ID|TIME", "Begin after this one, or so long ago: 10m, 2h, 1d."
    ),
    common: Common,
) -> None:
    """Offer notifications to a model's client (MCP), over stdin and stdout."""
    if not 1 <= keep <= MOST_KEPT:
        raise UsageError(f"--keep must be 1 to {MOST_KEPT}, not {keep}", "as in 200")
    start = parse_since(since, datetime.now(UTC)) if since is not None else None
    selection = None
    if only is not None:
        warn = warner(common.quiet)
        selection = Selection(filter=only, warn=warn, option="--only")
    try:
        from notifyws.cli.mcp_listener import Request
        from notifyws.cli.mcp_server import serve  # half a second
    except ImportError:
        raise needs_extra("notifyws mcp", "mcp") from None
    settings = common.load().settings
    request = Request(selection, only, allow_send, keep, start, common.quiet)
    if os.isatty(0) and not common.quiet:
        say(
            "Waiting for a client that speaks MCP on stdin; a client starts this itself"
        )
    run(serve(request, settings))
