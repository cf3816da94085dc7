"""The names of a group's keys (``scripts`` has their table), and how a step is asked.

The law: *nothing fails for long without a word.* A step is tried again when it fails,
for Redis is disturbed now and then; one that goes on failing is said once, by its name.
An answer of another form is a failure like any other, whoever gave it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Sequence
from functools import cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from notifyws.auth.cache.redis import RedisClient
from notifyws.clock import Clock
from notifyws.errors import CacheFailed
from notifyws.fleet.group.lua import MEMBERS

UNKNOWN = "NOSCRIPT"
"""Refusal of a script that this Redis has not run since it was started."""
FORBIDDEN = ("NOPERM", "ACL failure", "unknown command")
"""Refusals of a command as such: a user may not call it, or there is none."""


@cache
def digest_of(script: str) -> str:
    """Return the name by which Redis knows a script that it has run."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


MEANINGS = {
    "append": "what arrives waits here",
    "present": "what arrives waits here",
    "where": "this member cannot lead",
    "_page": "this member cannot lead",
    "read": "this member takes nothing",
    "held": "this member takes nothing",
    "own": "this member takes nothing",
    "claim": "what others left is not taken over",
    "acknowledge": "what is done with may come again",
    "trim": "the group's stream grows",
}
"""What it means when a step fails; of others nobody needs to know."""


class RedisFailures:
    """Says what Redis goes on refusing although it is there.

    A step that does not work for as long as a lease lasts, while beats are answered,
    is said, once until it works again; that Redis is away, others say.

    Args:
        patience: seconds that something may fail.
        is_away: whether Redis is known to be away.
    """

    def __init__(
        self,
        clock: Clock,
        warn: Callable[[str], None],
        patience: float,
        is_away: Callable[[], bool],
    ) -> None:
        self._clock, self._warn = clock, warn
        self._patience, self._is_away = patience, is_away
        self._since: dict[str, float] = {}
        self._said: set[str] = set()

    def failed(self, step: str, error: CacheFailed) -> None:
        """Take note that a step failed."""
        meaning = MEANINGS.get(step)
        if meaning is None:
            return
        now = self._clock.now()
        since = self._since.setdefault(step, now)
        if now - since < self._patience or self._is_away() or meaning in self._said:
            return
        self._said.add(meaning)
        hint = f" ({error.hint})" if error.hint else ""
        self._warn(f"{error.message}{hint}; {meaning}")

    def worked(self, step: str) -> None:
        """Take note that a step was answered."""
        if self._since.pop(step, None) is not None:
            self._said.discard(MEANINGS[step])


P = ParamSpec("P")
T = TypeVar("T")
Keys = TypeVar("Keys", bound="GroupKeys")

PARTITIONS = 32
"""Streams that a group with ``--key`` has, and members that it can use at most."""
HOPELESS = {"NOPERM", "ACL failure", "NOAUTH", "WRONGPASS", "unknown command"}
"""Refusals that waiting does not mend."""
DISTINCT = 20_000
"""Ids that several sockets of one group are compared by."""
NONSENSE = (
    *(TypeError, ValueError, LookupError, AttributeError),
    *(ArithmeticError, RecursionError),
)
"""What reading an answer of another form comes to."""


def step(
    method: Callable[Concatenate[Keys, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Keys, P], Coroutine[Any, Any, T]]:
    """Have an answer that makes no sense, and what goes on failing, told as such."""
    name = method.__name__

    @wraps(method)
    async def tried(self: Keys, /, *args: P.args, **more: P.kwargs) -> T:
        try:
            answer = await method(self, *args, **more)
        except NONSENSE as error:
            failure, cause = self.client.rubbish(), error
        except CacheFailed as error:
            self.note_failure(name, error)
            raise
        else:
            if self.failures is not None:
                self.failures.worked(name)
            return answer
        self.note_failure(name, failure)
        raise failure from cause

    return tried


class GroupKeys:
    """One group of one account: its keys, and how Redis is asked.

    Args:
        member: who asks, ``HOST:PID:...``.
        key: the expression of ``--key``; empty for none.
        sockets: how many members may hold one.
        lease: seconds that a lease lasts.
        consumers: the consumer group that it reads with.

    Attributes:
        lease: as given.
        is_shared: whether several members append.
        on_refused: is told of a refusal that waiting does not mend.
        failures: is told of what fails and works, by the names of the methods.
        ask: returns what a command answers.
        streams: keys of those that are in use; ``all_streams``: of those that may be.
    """

    def __init__(
        self,
        client: RedisClient,
        account: str,
        name: str,
        *,
        member: str = "",
        key: str = "",
        sockets: int = 1,
        lease: float = 10.0,
        consumers: str = MEMBERS,
    ) -> None:
        self.on_refused: Callable[[CacheFailed], None] = lambda error: None
        self.failures: RedisFailures | None = None
        self._consumers = consumers
        self.ask, self._by_text = client.command, False
        self.client, self.name, self.member = client, name, member
        self.lease = lease
        self.base = base = f"notifyws:{{{account}}}:group:{quote(name, safe='')}"
        self._meta, self._members, self._ids = (
            f"{base}:{each}" for each in ("meta", "members", "ids")
        )
        self._leases = [f"{base}:lease:{n}" for n in range(sockets)]
        self.is_shared = sockets > 1
        self._distinct = DISTINCT if self.is_shared else 0
        partitions = [f"{base}:p:{n}" for n in range(PARTITIONS)]
        self.all_streams = [base, *partitions]
        self._owners = [f"{base}:owner:{n}" for n in range(PARTITIONS)]
        self.use_key(key)

    def use_key(self, key: str) -> None:
        """Have the streams that a group with this ``--key`` has, or without one."""
        self._key = key
        self.streams = self.all_streams[1:] if key else self.all_streams[:1]
        self._numbers = {stream: n for n, stream in enumerate(self.streams)}

    async def run(
        self,
        script: str,
        keys: Sequence[str],
        *args: str | int,
        within: float | None = None,
    ) -> Any:
        """Return what a script answers; see :meth:`RedisClient.command`.

        Redis has it by its digest, and by its text where that is refused: the text of a
        beat has twelve times the bytes of all else that it says. A refusal is sure:
        nothing was done, so asking once more does nothing twice.

        Raises:
            CacheFailed: Redis does not answer, or the script is refused.
        """
        words = len(keys), *keys, *args
        if not self._by_text:
            try:
                return await self.ask(
                    "EVALSHA", digest_of(script), *words, within=within
                )
            except CacheFailed as error:
                if error.code not in (UNKNOWN, *FORBIDDEN):
                    raise
                self._by_text = error.code in FORBIDDEN
        return await self.ask("EVAL", script, *words, within=within)

    def note_failure(self, name: str, error: CacheFailed) -> None:
        """Tell whoever has to know that a step failed."""
        if error.code in HOPELESS:
            self.on_refused(error)
        if self.failures is not None:
            self.failures.failed(name, error)
