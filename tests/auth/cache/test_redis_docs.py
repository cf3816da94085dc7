"""What the page about Redis says to type is enough, and no more than that."""

from __future__ import annotations

import re
from contextlib import aclosing
from pathlib import Path

import pytest

from notifyws.auth.cache.build import open_cache
from notifyws.auth.cache.redis import RedisClient
from notifyws.auth.cache.redis_errors import COMMANDS
from notifyws.auth.cache.redis_urls import SCHEMES, read_url
from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.fleet.group.entries import Batch, Leading
from notifyws.fleet.group.store import GroupStore
from tests.support.valkey import Sentinel, Valkey

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "redis.md").read_text("utf-8")
LINES = re.findall(r"^ACL SETUSER .*", PAGE, re.MULTILINE)
GROUPS = next(line for line in LINES if "+xadd" in line)
LINES.remove(GROUPS)
ME = "0123456789abcdef"


def typed(line: str, *servers: Valkey) -> None:
    """Type a line of the page at some servers."""
    for server in servers:
        server.command("ACL SETUSER", *line.replace("PASSWORD", "pw").split()[2:])


async def use(url: str) -> None:
    """Do all that a token cache is for."""
    async with aclosing(open_cache(url)) as cache:
        await cache.ping()
        assert await cache.add(ME, "lock", "l", 9)
        done = {"access": ("a", 9.0), "lock": None}
        assert await cache.replace(ME, done, expect={"lock": "l"})
        assert set(await cache.read(ME, "access", "lock")) == {"access"}


@pytest.mark.parametrize("ending", ["/0", "/1", "?protocol=3"])
async def test_the_line_for_the_token_cache_is_enough(clean_valkey, ending):
    typed(LINES[0], clean_valkey)
    try:
        url = clean_valkey.url.replace("//", "//notifyws:pw@").replace("/0", ending)
        await use(url)
    finally:
        clean_valkey.command("ACL DELUSER", "notifyws")


async def test_the_line_for_groups_is_enough(clean_valkey):
    """A group does all that it can do, and no script of it is refused a command."""
    for line in (LINES[0], GROUPS):
        typed(line, clean_valkey)
    try:
        url = clean_valkey.url.replace("//", "//notifyws:pw@")
        async with aclosing(RedisClient(url, "the group's Redis")) as client:
            await all_of_a_group(client)
    finally:
        clean_valkey.command("ACL DELUSER", "notifyws")


async def all_of_a_group(client: RedisClient) -> None:
    store = GroupStore(client, ME, "w", member="here:1:a", sockets=2)
    await store.check_version()
    standing = await store.beat(wants=True)
    leading = Leading(standing.began, "2024-01-15T10:30:00Z")
    await store.beat(wants=True, leading=leading, answered=standing.at)
    lines = [(0, f"line {n}", str(n)) for n in range(200)]
    batch = Batch(1, lines, ListenerPosition())
    assert await store.append(standing.slot, standing.proof, batch)
    assert await store.append(standing.slot, standing.proof, batch, again=True) == []
    await store.present([(0, "1-1")])
    [entry, *_] = await store.read([0], 10, 1)
    assert await store.held(0, "0", 10)
    await store.acknowledge(0, [entry.id])
    await store.trim(100, 60.0)
    await store.where(2e9)
    assert [each async for each in store.latest(10)]
    await store.describe()
    await store.note_gap({"from": "a", "to": "b", "reason": "c"})
    await store.own(4)
    await store.disown(0)
    assert len(await store.leave()) == 9  # they were trimmed
    [entry, *_] = await store.read([0], 10, 1)
    await store.leave()
    other = GroupStore(client, ME, "w", member="there:2:b", sockets=2)
    claimed = await other.claim(0, 0.0, 10)
    assert sum(entry.line is not None for entry in claimed) == 10
    again = GroupStore(client, ME, "w", member="c", consumers="replay:c")
    await again.begin_at("0-0")
    await again.end()
    await store.let_go(standing.slot, standing.proof)


async def test_the_lines_for_a_cluster_are_enough(clean_cluster):
    for line in LINES[:2]:
        typed(line, clean_cluster)
    try:
        await use(clean_cluster.url.replace("//", "//notifyws:pw@"))
    finally:
        clean_cluster.command("ACL DELUSER", "notifyws")


async def test_the_line_for_the_sentinels_is_enough():
    with Valkey() as primary, Sentinel(primary, "mine") as sentinel:
        typed(LINES[0], primary)
        typed(LINES[2], sentinel)
        sentinel.command("ACL SETUSER", "default", "off")
        login = "?sentinel_username=watcher&sentinel_password=pw"
        await use(f"redis+sentinel://notifyws:pw@127.0.0.1:{sentinel.port}/mine{login}")


def test_the_page_allows_what_the_hint_of_a_refusal_names():
    assert LINES[0].endswith(f"-@all {COMMANDS}")


def test_the_page_names_every_scheme():
    assert [each for each in SCHEMES if f"`{each}://" not in PAGE] == []


@pytest.mark.parametrize(
    "url",
    [u for u in re.findall(r"(?<=[`'])redis[a-z+]*://[^`'\s]+", PAGE) if "." in u],
)
def test_a_url_of_the_page_can_be_read(url):
    assert read_url(url).hosts
