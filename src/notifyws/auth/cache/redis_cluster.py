"""A cluster: each command goes to the node that has its key.

Where in a command its key stands is known here of those that we use. All keys of an
account are in one slot, so a command is one round trip. redis-py keeps the map of slots
and follows redirections, by which nothing was done; whatever else it would repeat is
switched off here. The map is asked for anew after a lost connection, and after a doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.exceptions import (
    ConnectionError,
    InvalidResponse,
    RedisClusterException,
    ResponseError,
)

from notifyws.auth.cache import CALL_TIMEOUT, call_limit
from notifyws.auth.cache.redis_servers import Servers, Word, encoded, no_notices, once
from notifyws.auth.cache.redis_urls import Host, RedisUrl
from notifyws.tasks import cancel

LONGEST = 32
"""Characters of a word that may make it one that means something here."""

KEYLESS = frozenset(
    {
        *("ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "FLUSHALL"),
        *("HELLO", "INFO", "PING", "ROLE", "SCRIPT", "SELECT", "TIME"),
    }
)
"""Commands that any node can answer."""
COUNTED = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})
"""Commands of a script, how many keys there are, and these."""
NAMED = frozenset({"XGROUP", "XINFO", "OBJECT", "MEMORY"})
"""Commands of two words before the key."""
STREAMS = frozenset({"XREAD", "XREADGROUP"})


def key_of(words: Sequence[Word]) -> Word | None:
    """Return the first key of a command, ``None`` where it has none."""
    name, rest = _upper(words[0]), words[1:]
    place = 0
    if name in KEYLESS:
        return None
    if name in COUNTED:
        place = 2 if _upper(*rest[1:2]) != "0" else len(rest)
    elif name in STREAMS:
        start = 3 if name == "XREADGROUP" else 0  # a group may have any name
        said = [_upper(word) for word in rest]
        place = said.index("STREAMS", start) + 1 if "STREAMS" in said[start:] else -1
    elif name in NAMED:
        place = 1
    return rest[place] if 0 <= place < len(rest) else None


def _upper(word: Word = "") -> str:
    text = word.decode("latin-1") if isinstance(word, bytes) else str(word)
    return text[:LONGEST].upper()


MAP = 0.3 * CALL_TIMEOUT
"""Seconds that a node has to say which node has what; then others are asked."""
SLOTS, NODES = 16_384, 1_000
"""Slots of a cluster; nodes that may have the same ones."""
LATER = {"ssl_password", "ssl_ca_path"}
"""Options that a connection takes, and a cluster does not pass on to it."""


class Cluster(Servers):
    """The nodes of a cluster.

    Args:
        options: what a connection to any of them is made with.
    """

    def __init__(self, url: RedisUrl, options: Mapping[str, Any]) -> None:
        self._url, self._options = url, options
        self._doubted = False
        self._cluster: Any = self._built(url.hosts)

    def _built(self, hosts: Iterable[Host]) -> Any:
        known = {n: v for n, v in self._options.items() if n not in LATER}
        cluster: Any = RedisCluster(
            startup_nodes=[ClusterNode(host, port) for host, port in hosts],
            require_full_coverage=False,  # ours is one slot
            reinitialize_steps=0,  # else each fifth redirection cuts all connections
            retry=once(),
            maint_notifications_config=no_notices(),
            ssl=self._url.tls,
            **known,
        )
        more = {n: v for n, v in self._options.items() if n in LATER}
        cluster.set_response_callback("CLUSTER SLOTS", slots_in)
        for each in (cluster, *cluster.startup_nodes):
            each.connection_kwargs.update(more)
        cluster.commands_parser = _OwnKeys()
        return cluster

    async def ask(self, *words: Word) -> Any:
        """Send one command, once, and return its answer."""
        await self._map()
        raw = encoded(words)
        key = key_of(raw)
        if key is None:
            node: Any = self._cluster.get_default_node()
        else:
            node = self._cluster.get_node_from_key(key)
        return await self._cluster.execute_command(*raw, target_nodes=node)

    def doubt(self) -> None:
        """Ask for the map anew before the next command."""
        self._doubted = True

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._cluster.aclose()

    async def _map(self) -> None:
        """See to it that it is known which node has what.

        redis-py asks one node after the other, and would wait for one that hangs.

        Raises:
            TimeoutError: nobody answered.
            RedisClusterException: nobody could be asked.
        """
        cluster = self._cluster
        with suppress(TimeoutError):
            return await self._mapped()
        await self._replace(cluster, [await self._first_to_answer()])
        return await self._mapped()

    async def _mapped(self) -> None:
        cluster = self._cluster
        try:
            async with call_limit(MAP):
                await cluster.initialize()
                if self._doubted:
                    await cluster.nodes_manager.initialize()
                    self._doubted = False
        except RedisClusterException:
            # Those who were found since may be gone, and those of the URL not.
            await self._replace(cluster, self._url.hosts)
            raise

    async def _replace(self, cluster: Any, hosts: Iterable[Host]) -> None:
        """Begin again at some hosts, unless another call has done so meanwhile."""
        if self._cluster is cluster:
            self._cluster = self._built(hosts)
            await cluster.aclose()

    async def _first_to_answer(self) -> Host:
        """Return a node that answers, whatever it says.

        Raises:
            TimeoutError: none does.
        """
        known = [(each.host, each.port) for each in self._cluster.get_nodes()]
        nodes = self._built([*self._url.hosts, *known]).startup_nodes
        asked = {asyncio.ensure_future(_answers(each)): each for each in nodes}
        try:
            async with call_limit(MAP):
                for each in asyncio.as_completed(asked):
                    with suppress(ConnectionError):
                        return await each
            raise TimeoutError
        finally:
            await cancel(*asked)
            await asyncio.gather(*(each.disconnect() for each in nodes))


def slots_in(answer: Any, **options: Any) -> list[Any]:
    """Return the map of slots that a node tells, if it is one.

    redis-py believes all of it, and counts from the first slot to the last. A node
    that is not named is at the address that was asked.

    Raises:
        InvalidResponse: it is none.
    """
    with suppress(TypeError, ValueError, LookupError, AttributeError):
        if len(answer) <= SLOTS and all(_are_slots(*each) for each in answer):
            return list(answer)
    raise InvalidResponse("it is no map of slots")


def _are_slots(first: int, last: int, *nodes: list[Any]) -> bool:
    for node in nodes:
        node[0] = host = node[0] or b""
        if not (host.isascii() and len(host) < 256 and 0 < node[1] < 65536):
            return False
    return 0 <= first <= last < SLOTS and 0 < len(nodes) <= NODES


async def _answers(node: ClusterNode) -> Host:
    with suppress(ResponseError):  # a refusal is an answer
        await node.execute_command("PING")
    return node.host, int(node.port)


class _OwnKeys:
    """Says where keys stand; redis-py would fetch COMMAND for it, at 18 ms a process.

    That would also be one more command that a user has to be allowed.
    """

    async def initialize(self, node: ClusterNode | None = None) -> None:
        """Ask nobody."""

    async def get_keys(self, *words: Word) -> list[Word] | None:
        """Return the key of a command that is sent on to another node."""
        key = key_of(words)
        return None if key is None else [key]
