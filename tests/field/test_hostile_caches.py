"""A shared cache that somebody else writes to, or a host whose clock was wrong."""

from __future__ import annotations

import json

import pytest

from notifyws.auth.cache.keys import VERSION, decoded
from notifyws.auth.cache.memory import MemoryCache
from notifyws.config.settings import LIFETIME
from notifyws.delivery.durable_listener import SharedCursor
from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.fleet.listener_entry import LONGEST, listener_of
from tests.e2e.support import Home, Server
from tests.support.virtual import VirtualClock, in_virtual_time, now

ACCOUNT = "a" * 16
YEARS = 1e14
"""Unix seconds, or seconds, that no calendar knows."""


@in_virtual_time
async def test_a_place_that_is_moved_in_the_future_does_not_win_for_ever():
    """Seen: the disk of the host that had read it won over every later one."""
    clock = VirtualClock().clock
    shared = SharedCursor(MemoryCache(now), ACCOUNT, "desk", clock)
    await shared.write(ListenerPosition("poisoned", "", YEARS, sent_at=9e10))
    read = await shared.read()
    assert read.last_id == "poisoned"
    later = clock.wall() + 1
    assert read.moved_at < later
    assert read.sent_at < later
    kept = shared.believed(ListenerPosition("on the disk", "", YEARS))
    assert kept.moved_at < later


@pytest.mark.parametrize("facts", [{"margin": 1.0}, {"margin": YEARS}], ids=str)
def test_a_token_that_lives_for_longer_than_a_century_is_none(facts):
    """Seen: ``token --json`` ended with exit code 1, and ``status`` told of 10^10 days.

    A setting or a server may say a century at most.
    """
    text = json.dumps({"v": VERSION, "token": "t", **facts})
    remaining = 60.0 if facts["margin"] == YEARS else YEARS
    assert decoded("access", text, remaining) is None
    good = json.dumps({"v": VERSION, "token": "t", "margin": LIFETIME / 5})
    assert decoded("access", good, LIFETIME) is not None


def test_such_a_token_costs_one_login(home: Home, server: Server, clean_valkey):
    home.env["REDIS_URL"] = clean_valkey.url
    home.run("token")
    (key,) = clean_valkey.command("KEYS", "*access")
    text = json.dumps({"v": VERSION, "token": "tok", "margin": 1.0})
    clean_valkey.command("SET", key, text, "PX", 10**17)
    done = home.run("token", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["source"] in ("refresh", "login")
    assert "cannot be read" in done.stderr


def test_what_a_listener_says_of_itself_is_no_longer_than_ours_say_it():
    """Seen: a name of 30,000 letters filled the screen of ``status`` over and over."""
    long = "x" * 30_000
    facts = {"v": VERSION, "name": long, "host": long, "pid": 1, "userId": long}
    said = {"lastFailure": {"at": long, "kind": long, "message": long, long: long}}
    seen = listener_of(json.dumps({**facts, **said}))
    texts = [seen.name, seen.host, seen.userId, *seen.lastFailure.values()]
    assert {len(text) for text in texts} == {LONGEST}
    assert max(map(len, seen.lastFailure)) == LONGEST
