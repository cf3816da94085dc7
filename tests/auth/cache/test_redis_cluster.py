"""A cluster: each command goes to the node that has its key, once."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest
from redis.crc import key_slot

from notifyws.auth.cache.redis import RedisClient
from notifyws.auth.cache.redis_cluster import key_of
from notifyws.errors import CacheFailed
from tests.support.resp import scripted
from tests.support.valkey import Nodes, free_port

SLACK = 0.4
MOVED = "notifyws:{moved}:access"


def client(url: str) -> aclosing[RedisClient]:
    return aclosing(RedisClient(url, "token cache"))


def at(*ports: int) -> str:
    return f"redis+cluster://{','.join(f'127.0.0.1:{port}' for port in ports)}"


def key_of_node(number: int) -> str:
    """Return a key in the slots of one of the three primaries."""
    names = (f"notifyws:{{{each:016x}}}:access" for each in range(1000))
    return next(n for n in names if key_slot(n.encode()) * 3 // 16384 == number)


async def failure(redis: RedisClient, *words: str) -> CacheFailed:
    """Return what a command raises, which must be within its second."""
    start = time.monotonic()
    with pytest.raises(CacheFailed) as caught:
        await redis.command(*(words or ("PING",)))
    assert time.monotonic() - start < 1 + SLACK
    assert caught.value.hint
    return caught.value


def calls(node, *names: str) -> dict[str, int]:
    """Return how often a node was asked for commands since it was told to count."""
    said = node.command("INFO", "commandstats")
    return {name: said.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in names}


async def test_a_command_is_one_round_trip_whatever_it_is(clean_cluster):
    async with client(clean_cluster.url) as redis:
        await redis.command("PING")
        clean_cluster.command("CONFIG", "RESETSTAT")
        stream = "notifyws:{a}:group:all"
        await redis.command("XGROUP", "CREATE", stream, "all", "0", "MKSTREAM")
        await redis.command("XREADGROUP", "GROUP", "all", "m", "STREAMS", stream, ">")
        await redis.command("EVAL", "return redis.call('GET', KEYS[1])", 1, "{a}k")
        await redis.command("PING")
    asked = calls(clean_cluster, "command", "command|getkeys", "cluster|slots", "auth")
    assert set(asked.values()) == {0}


async def test_nobody_is_asked_which_commands_there_are(clean_cluster):
    clean_cluster.command("CONFIG", "RESETSTAT")
    async with client(clean_cluster.url) as redis:
        await redis.command("SET", MOVED, "a")
    assert calls(clean_cluster, "command", "cluster|slots") == {
        "command": 0,
        "cluster|slots": 1,
    }


@pytest.mark.slow
async def test_a_replica_takes_over_and_slots_move_while_the_client_is_used():
    with Nodes() as cluster:
        async with client(cluster.url) as redis:
            for number in range(3):
                assert await redis.command("SET", key_of_node(number), "old") is True
            await follows_moved_slots(redis, cluster)
            cluster.fail_over()
            failed = 0
            while True:
                try:
                    await redis.command("SET", key_of_node(0), "new")
                    break
                except CacheFailed:
                    failed += 1
                    await asyncio.sleep(0.02)
            assert failed <= 2
            assert cluster.nodes[3].command("GET", key_of_node(0)) == b"new"
            assert await redis.command("GET", key_of_node(1)) == b"old"
            assert await redis.command("PING") is True


async def follows_moved_slots(redis: RedisClient, cluster: Nodes) -> None:
    """A slot on its way to another node, and there: the client gets its answers."""
    key, source, target = key_of_node(1), cluster.nodes[1], cluster.nodes[2]
    slot = key_slot(key.encode())
    names = [node.command("CLUSTER MYID").decode() for node in (source, target)]
    target.command("CLUSTER SETSLOT", slot, "IMPORTING", names[0])
    source.command("CLUSTER SETSLOT", slot, "MIGRATING", names[1])
    other = key.replace("access", "refresh")
    assert await redis.command("SET", other, "asked", "NX") is True
    source.command("MIGRATE", "127.0.0.1", target.port, "", 0, 900, "KEYS", key)
    for each in (target, source):
        each.command("CLUSTER SETSLOT", slot, "NODE", names[1])
    assert await redis.command("SET", key, "again", "NX") is None
    assert await redis.command("GET", key) == b"old"
    assert await redis.command("GET", other) == b"asked"


async def test_each_address_is_tried_and_a_hung_one_holds_nobody_up(clean_cluster):
    async with scripted(b"") as hung:
        ports = (free_port(), *[hung.port] * 5, clean_cluster.port)
        for _ in range(2):
            async with client(at(*ports)) as redis:
                start = time.monotonic()
                await redis.command("SET", MOVED, "a")
                assert time.monotonic() - start < 1


async def test_a_cluster_that_is_not_there_is_said_each_time():
    async with client(at(free_port(), free_port())) as redis:
        for _ in range(3):
            error = await failure(redis)
            assert error.message.endswith("no node answers: Connection refused")
            assert "nodes are running" in error.hint


async def test_a_frozen_node_costs_one_second_and_may_thaw(clean_cluster):
    async with client(clean_cluster.url) as redis:
        await redis.command("SET", MOVED, "a")
        clean_cluster.freeze()
        try:
            for _ in range(2):
                error = await failure(redis, "GET", MOVED)
        finally:
            clean_cluster.thaw()
        assert await redis.command("GET", MOVED) == b"a"
    assert error.message.endswith("did not answer within 1 s")


async def test_a_server_that_is_no_cluster_is_said(clean_valkey):
    async with client(at(clean_valkey.port)) as redis:
        error = await failure(redis)
    assert error.message.endswith("is no cluster")
    assert error.hint.startswith("write redis://")


async def test_a_node_asked_as_if_it_were_alone_names_the_scheme():
    said = b"-MOVED 1 127.0.0.1:1\r\n"
    async with scripted(said) as node, client(node.url) as redis:
        error = await failure(redis)
    assert "redis+cluster://" in error.hint


async def test_slots_without_a_node_are_said(clean_cluster):
    slot = key_slot(MOVED.encode())
    clean_cluster.command("CLUSTER DELSLOTS", slot)
    try:
        async with client(clean_cluster.url) as redis:
            error = await failure(redis, "GET", MOVED)
    finally:
        clean_cluster.command("CLUSTER ADDSLOTS", slot)
        clean_cluster.until_whole()
    assert error.message.endswith(("has no node for our keys", "that is down"))


async def test_a_user_may_do_what_the_hint_names_and_no_more(clean_cluster):
    words = ("ACL", "SETUSER", "ours", "reset", "on", ">pw", "~notifyws:*")
    clean_cluster.command(*words, "-@all", "+get", "+ping")
    url = clean_cluster.url.replace("//", "//ours:pw@")
    try:
        async with client(url) as redis:
            error = await failure(redis)
            assert error.message.endswith("what is needed: cluster|slots")
            assert "+cluster|slots" in error.hint
            clean_cluster.command(*words, "-@all", "+get", "+ping", "+cluster|slots")
            assert await redis.command("GET", MOVED) is None
        async with client(url.replace("pw", "n0")) as redis:
            error = await failure(redis)
    finally:
        clean_cluster.command("ACL", "DELUSER", "ours")
    assert error.message.endswith("does not accept the user or password")


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("PING", None),
        ("info server", None),
        ("XADD", None),
        ("SET k v PX 1", "k"),
        ("DEL k l", "k"),
        ("EVAL script 2 k l arg", "k"),
        ("EVALSHA digest 0 arg", None),
        ("EVAL script", None),
        ("XGROUP CREATE k g 0", "k"),
        ("XINFO STREAM k", "k"),
        ("XREAD COUNT 1 BLOCK 5 STREAMS k 0", "k"),
        ("XREADGROUP GROUP g me COUNT 1 streams k >", "k"),
        ("XREADGROUP GROUP STREAMS STREAMS STREAMS k >", "k"),
        ("XREADGROUP GROUP g me COUNT 1", None),
        ("XREAD STREAMS", None),
    ],
)
def test_a_key_is_found(words, key):
    said = words.split()
    assert key_of(said) == key
    raw = [said[0], *(word.encode() for word in said[1:])]
    assert key_of(raw) == (key and key.encode())


def test_a_number_is_a_word_as_well():
    assert key_of(["EVAL", "script", 1, "k"]) == "k"
    assert key_of(["EVAL", "script", 0, "k"]) is None
