"""200 real listeners in 40 groups of 5, on one Valkey and one server.

Each of five processes holds one listener of every group. The first one is started
before the others, so that it leads all of them; it is killed to see what follows when
the leaders of all groups die in one moment.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack

from tests.support.valkey import Valkey

from bench.group.figures import Figure
from bench.group.processes import GROUPS, RATE, Host, Server, serving
from bench.group.valkey_use import look

HOSTS = 5
LISTENERS = GROUPS * HOSTS
IDLE, BUSY = 20.0, 20.0
"""Seconds in which is looked at what they cost."""
SETTLE = 5.0
"""Seconds after which listeners that have just come are as always."""
PATIENCE = 40.0
"""Seconds after which what is not handled counts as lost."""


def figures() -> Iterator[Figure]:
    """Measure it."""
    with Valkey() as valkey:
        yield from asyncio.run(measured(valkey))


async def measured(valkey: Valkey) -> list[Figure]:
    """Start all, and look at them: idle, busy, and when all leaders die."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        empty = look(valkey)
        hosts = []
        for _ in range(HOSTS):
            hosts.append(await stack.enter_async_context(Host.started(server, valkey)))
            await hosts[-1].joined.wait()
        await asyncio.sleep(SETTLE)
        found = [Figure("listeners", "real listeners", LISTENERS)]
        found.append(Figure("groups", "groups", GROUPS))
        found += await while_idle(valkey, server, hosts, look(valkey).since(empty))
        found += await while_busy(valkey, server, hosts, found)
        found += kept(valkey, server)
        found += await when_leaders_die(valkey, server, hosts)
    return found


async def while_idle(valkey, server, hosts, grown) -> list[Figure]:
    """Look at listeners to whom nothing comes."""
    live = (await server.stats())["live"]
    before, cpu = look(valkey), [host.cpu() for host in hosts]
    await asyncio.sleep(IDLE)
    use = look(valkey).since(before)
    spent = sum(host.cpu() for host in hosts) - sum(cpu)
    each = LISTENERS * IDLE
    return [
        Figure("sockets", "sockets at the server", live, most=GROUPS),
        Figure("idle_sent", "commands a listener sends, idle", use.sent / each, "/s"),
        Figure("idle_all", "the same with those inside scripts", use.all / each, "/s"),
        Figure(
            "idle_cpu", "Valkey's time a listener, idle", use.cpu / each * 1e6, "us/s"
        ),
        Figure(
            "idle_read", "bytes a listener sends Valkey, idle", use.read / each, "/s"
        ),
        Figure("idle_host", "a listener's own time, idle", spent / each * 1e3, "ms/s"),
        Figure(
            "shared_memory",
            f"memory of a listener, {GROUPS} in one process",
            sum(host.resident() for host in hosts) / LISTENERS,
            "MiB",
        ),
        Figure("connections", "connections of a listener", grown.clients / LISTENERS),
        Figure(
            "listener_memory",
            "Valkey's memory a listener",
            grown.memory / LISTENERS / 1024,
            "KiB",
        ),
    ]


async def while_busy(valkey, server, hosts, idle) -> list[Figure]:
    """Look at what a notification costs, beyond what all do anyway."""
    each = {figure.name: figure.value for figure in idle}
    began = time.monotonic()
    before = look(valkey)
    ids = await server.send(BUSY)
    missing = await all_handled(hosts, ids)
    use = look(valkey).since(before)
    anyway = LISTENERS * (time.monotonic() - began)
    count = len(ids) * GROUPS
    sent = (use.sent - each["idle_sent"] * anyway) / count
    everything = (use.all - each["idle_all"] * anyway) / count
    cpu = (use.cpu * 1e6 - each["idle_cpu"] * anyway) / count
    handled = handled_by(hosts, ids)
    name = f"notifications, {RATE * GROUPS:.0f}/s over all groups"
    twice = sum(n - 1 for n in handled.values())
    return [
        Figure("sent", name, count),
        Figure("missing", "of these not handled", missing, most=0),
        Figure("twice", "of these handled twice", twice, most=0),
        Figure("busy_sent", "commands sent for each, beyond idle", sent),
        Figure("busy_all", "with those inside scripts", everything),
        Figure("busy_cpu", "Valkey's time for each, beyond idle", cpu, "us"),
    ]


def kept(valkey: Valkey, server: Server) -> list[Figure]:
    """Look at what a group keeps."""
    base = str(valkey.command("KEYS", "*:group:g0:meta")[0], "ascii")
    stream = base.removesuffix(":meta")
    length = valkey.command("XLEN", stream)
    used = valkey.command("MEMORY", "USAGE", stream, "SAMPLES", "0")
    rest = valkey.command("KEYS", "*:group:g0:*")
    small = sum(valkey.command("MEMORY", "USAGE", key, "SAMPLES", "0") for key in rest)
    return [
        Figure("group_memory", "Valkey's memory a group", small / 1024, "KiB"),
        Figure("kept_memory", "a notification that is kept", used / length, "B"),
    ]


async def when_leaders_die(valkey, server, hosts) -> list[Figure]:
    """Kill the process that leads all groups, while notifications come."""
    leases = [each.decode() for each in valkey.command("KEYS", "*:lease:0")]
    held = valkey.command("MGET", *leases)
    sending = asyncio.create_task(server.send(BUSY))
    await asyncio.sleep(3.0)
    hosts[0].process.kill()
    died = time.monotonic()
    taken: dict[str, float] = {}
    while len(taken) < GROUPS and time.monotonic() - died < PATIENCE:
        await asyncio.sleep(0.05)
        for lease, old, new in zip(
            leases, held, valkey.command("MGET", *leases), strict=True
        ):
            if new and new != old:
                taken.setdefault(lease, time.monotonic() - died)
    ids = await sending
    missing = await all_handled(hosts, ids)
    handled = handled_by(hosts, ids)
    live = (await server.stats())["live"]
    assert len(taken) == GROUPS, f"{GROUPS - len(taken)} groups have no leader"
    middle, last = statistics.median(taken.values()), max(taken.values())
    twice = sum(n - 1 for n in handled.values()) / len(handled) * 100
    return [
        Figure("leader_median", f"{GROUPS} leaders die at once: half led", middle, "s"),
        Figure("leader_last", "all led again", last, "s", most=11.0),
        Figure("late_missing", "of what came meanwhile not handled", missing, most=0),
        Figure("late_twice", "of that handled twice", twice, "%"),
        Figure("late_sockets", "sockets at the server after it", live, most=GROUPS),
    ]


async def all_handled(hosts: Sequence[Host], ids: Sequence[str]) -> int:
    """Return how many are not handled after some time, of all groups together."""
    end = time.monotonic() + PATIENCE
    while missing := GROUPS * len(ids) - len(handled_by(hosts, ids)):
        if time.monotonic() > end:
            break
        await asyncio.sleep(0.1)
    return missing


def handled_by(hosts: Sequence[Host], ids: Sequence[str]) -> Counter[str]:
    """Return how often each of these was handled, group by group."""
    wanted, found = set(ids), Counter[str]()
    for host in hosts:
        for line, times in host.handled.items():
            if line.partition(" ")[2] in wanted:
                found[line] += times
    return found
