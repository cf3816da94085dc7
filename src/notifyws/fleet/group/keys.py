"""The keys of a group, and how a step of it is asked of Redis.

A step that fails is told by its name, so that one which goes on failing is said once;
an answer of another form is a failure like any other, whoever gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from notifyws.auth.cache.redis_client import RedisClient
from notifyws.errors import CacheFailed
from notifyws.fleet.group.failures import RedisFailures
from notifyws.fleet.group.lua import MEMBERS
from notifyws.fleet.group.script_runner import ScriptRunner

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
        client: asks Redis.
        account: id of the account.
        name: of the group.
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
        self._scripts = ScriptRunner(client)
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

    async def ask(self, *words: str | int, within: float | None = None) -> Any:
        """Return what one command answers."""
        return await self.client.command(*words, within=within)

    async def run(self, script: str, keys: Sequence[str], *args: str | int) -> Any:
        """Return what a script answers."""
        return await self._scripts.run(script, keys, *args)

    def note_failure(self, name: str, error: CacheFailed) -> None:
        """Tell whoever has to know that a step failed."""
        if error.code in HOPELESS:
            self.on_refused(error)
        if self.failures is not None:
            self.failures.failed(name, error)
