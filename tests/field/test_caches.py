"""Redis over months: it forgets everything, and a listener is there again."""

from __future__ import annotations

import time

import pytest

from tests.e2e.support import Home, Server, until


@pytest.mark.slow
def test_after_flushall_the_health_check_finds_the_listener_within_a_beat(
    home: Home, server: Server, clean_valkey
):
    """A restart without persistence does the same, and an eviction.

    Redis tells of it nowhere: redis/redis, ``flushallCommand`` in src/db.c.
    """
    home.env["REDIS_URL"] = clean_valkey.url
    listener = home.listen("--name", "desk")
    check = "status --listening --name desk"
    until(lambda: home.within(*check.split()).returncode == 0, "the listener")
    clean_valkey.flush()
    begun = time.monotonic()
    until(lambda: home.within(*check.split()).returncode == 0, "it again")
    assert time.monotonic() - begun < 12
    listener.stop()
