"""``notifyws token``: a fresh access token and a newline, nothing else."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cache.build import warm_token
from notifyws.auth.cached_tokens import AccessToken
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
    usable_token,
    with_common,
)
from notifyws.clock import utc_text
from notifyws.errors import UsageError
from notifyws.ui.streams import emit, emit_json, say

if TYPE_CHECKING:
    from notifyws.ui.formatting import Shape

EXAMPLES = examples(
    'curl -H "Authorization: Bearer $(notifyws token)" https://host/api',
    "notifyws token --json --server work",
)

FIELDS = ("accessToken", "expiresIn", "expiresAt", "source", "userId")
"""What ``--json`` and ``--format`` know of a token."""


@with_common
def token(
    *,
    refresh: bool = option(
        "--refresh", "Get a new one even if one is cached.", default=False
    ),
    clear: bool = option(
        "--clear", "Empty this account's cache and end.", default=False
    ),
    format_: str | None = FORMAT,
    query: str | None = QUERY,
    common: Common,
    json: bool = JSON,
) -> None:
    """Print a fresh access token: cached, refreshed, or logged in for."""
    exclude(("--refresh", refresh), ("--clear", clear))
    shape = shape_of(format_, query, json=json, known=FIELDS)
    auth = common.authenticator()
    found = None if refresh or clear else warm_token(auth)
    if found is None:
        from notifyws.cli.process import run

        found = run(_work(auth, refresh=refresh, clear=clear))
    if found is None:
        return
    if common.verbose:
        left = f", {found.remaining / 60:.0f} min left" if found.life_is_known else ""
        say(f"From {found.source}{left}")
    _print(auth, found, shape, json=json)


async def _work(
    auth: Authenticator, *, refresh: bool, clear: bool
) -> AccessToken | None:
    async with aclosing(auth):
        if clear:
            await auth.token_manager.clear()
            auth.cache.want_emptied()
            return None
        if refresh and auth.settings.token:
            said = "a ready-made token (NOTIFYWS_TOKEN) cannot be refreshed"
            raise UsageError(said, "set another, or unset it and: notifyws auth login")
        if refresh:
            return await auth.token_manager.force()
        return await usable_token(auth)


def _print(
    auth: Authenticator, found: AccessToken, shape: Shape | None, *, json: bool
) -> None:
    if not (json or shape):
        return emit(found.value + "\n")
    values = (
        found.value,
        int(found.remaining),
        utc_text(time.time() + found.remaining),
        found.source,
        auth.settings.user_id or found.user_id,
    )
    facts: dict[str, Any] = dict(zip(FIELDS, values, strict=True))
    return emit_shaped(shape, facts) if shape else emit_json(facts)
