"""Alive is a loop that runs; of use is whoever notifications can come to."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from notifyws.fleet.health import STALLED, Health
from tests.support.virtual import in_virtual_time, now


def listener(state="connected", has_leader=None, label=""):
    group = None if has_leader is None else SimpleNamespace(has_leader=has_leader)
    auth = SimpleNamespace(label=label)
    return SimpleNamespace(state=state, group=group, auth=auth)


@in_virtual_time
async def test_a_loop_that_ticks_is_alive_whatever_the_server_does():
    health = Health([listener("reconnecting")], now)
    ticking = asyncio.create_task(health.tick(asyncio.sleep))
    for _ in range(10):
        await asyncio.sleep(60)
        assert health.alive() == (True, "ok")
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)


def test_a_loop_that_has_not_ticked_for_too_long_is_stalled():
    time = [1000.0]
    health = Health([listener()], lambda: time[0])
    time[0] += STALLED
    assert health.alive() == (True, "ok")
    time[0] += 0.1
    assert health.alive() == (False, "stalled")


READY = [
    ("connected", None, (True, "ready")),
    ("connected", False, (True, "ready")),
    ("disconnected", True, (True, "ready")),
    ("connecting", None, (False, "connecting")),
    ("reconnecting", None, (False, "reconnecting")),
    ("disconnected", None, (False, "disconnected")),
    ("reconnecting", False, (False, "leaderless")),
]


@pytest.mark.parametrize(("state", "has_leader", "answer"), READY)
def test_it_is_ready_when_connected_or_when_its_group_has_a_leader(
    state, has_leader, answer
):
    assert Health([listener(state, has_leader)], lambda: 0.0).ready() == answer


def test_of_several_servers_the_first_that_is_away_is_named():
    up, away = listener(label="work"), listener("reconnecting", label="home")
    assert Health([up, up], lambda: 0.0).ready() == (True, "ready")
    answer = (False, "home: reconnecting")
    assert Health([up, away, away], lambda: 0.0).ready() == answer
