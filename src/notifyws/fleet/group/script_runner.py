"""Has Redis run a script by its digest, and by its text where that is refused.

The text of a beat has twelve times the bytes of all else that it says, and a fleet says
it thousands of times a second. A refusal is sure: nothing was done, so asking once more
does nothing twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from notifyws.auth.cache.redis_client import RedisClient
from notifyws.errors import CacheFailed

UNKNOWN = "NOSCRIPT"
"""Refusal of a script that this Redis has not run since it was started."""
FORBIDDEN = ("NOPERM", "ACL failure", "unknown command")
"""Refusals of a command as such: a user may not call it, or there is none."""


class ScriptRunner:
    """Runs scripts for one user of one Redis.

    Args:
        client: asks it.
    """

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._by_text = False

    async def run(self, script: str, keys: Sequence[str], *args: str | int) -> Any:
        """Return what a script answers.

        Raises:
            CacheFailed: Redis does not answer, or the script is refused.
        """
        words = len(keys), *keys, *args
        if not self._by_text:
            try:
                digest = digest_of(script)
                return await self._client.command("EVALSHA", digest, *words)
            except CacheFailed as error:
                if error.code not in (UNKNOWN, *FORBIDDEN):
                    raise
                forbidden = error.code in FORBIDDEN
            self._by_text = forbidden
        return await self._client.command("EVAL", script, *words)


@cache
def digest_of(script: str) -> str:
    """Return the name by which Redis knows a script that it has run."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
