"""Tokens shared in a real Valkey: keys, times, one login, and every way it fails."""

from __future__ import annotations

import hashlib

import pytest

from tests.e2e.support import Home, Server

MINUTE, DAY = 60_000, 86_400_000


@pytest.fixture
def shared(home, server, clean_valkey):
    home.env["REDIS_URL"] = clean_valkey.url
    return clean_valkey


def prefix(server: Server) -> str:
    """Return the beginning of an account's keys, worked out by hand."""
    text = f"http://127.0.0.1:{server.port}\ndefault\ndemo"
    return f"notifyws:{{{hashlib.sha256(text.encode()).hexdigest()[:16]}}}:"


def keys(valkey) -> dict[str, int]:
    """Return every key with its remaining milliseconds."""
    names = [as_text(name) for name in valkey.command("KEYS", "*")]
    return {name: int(valkey.command("PTTL", name)) for name in names}


def as_text(value) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_keys_and_times_are_as_promised_and_the_lock_is_gone(home, server, shared):
    assert home.within("token").returncode == 0
    found = keys(shared)
    own = prefix(server)
    assert set(found) == {own + "access", own + "refresh", own + "generation"}
    assert 12 * MINUTE - 20_000 < found[own + "access"] <= 12 * MINUTE
    assert 6.5 * DAY - 20_000 < found[own + "refresh"] <= 6.5 * DAY
    assert found[own + "generation"] > 7 * DAY


@pytest.mark.slow
def test_every_command_works_with_it(home, server, shared):
    for command in ("auth", "token", "status --check", "auth whoami", "auth logout"):
        done = home.within(*command.split())
        assert done.returncode == 0, (command, done.stderr)
    trial = prefix(server) + "probe"  # what status wrote to see whether it can
    assert set(keys(shared)) - {trial} == {prefix(server) + "generation"}
    listener = home.listen("--json", "-n", "1")
    assert home.within("send", "-m", "x").returncode == 0
    assert listener.wait() == 0


def reconnected(server: Server, listener, times: int) -> None:
    server.dev("cut", {"code": 1012})
    listener.says("Connected", times=times)


def test_flushall_while_listening_costs_a_login_and_nothing_else(home, server, shared):
    listener = home.listen("--json")
    shared.flush()
    reconnected(server, listener, 2)
    server.notify(1)
    listener.prints(1)
    assert "warning" not in listener.err.text
    assert server.stats["logins"] == 2


@pytest.mark.slow
def test_a_dead_cache_is_survived_with_one_warning(home: Home, server: Server):
    from tests.support.valkey import Valkey

    valkey = Valkey()
    try:
        home.env["REDIS_URL"] = valkey.url
        listener = home.listen("--json")
        valkey.kill()
        for times in (2, 3):
            reconnected(server, listener, times)
        server.notify(1)
        listener.prints(1)
        listener.end()
        assert listener.err.text.count("warning:") == 1
        assert server.stats["logins"] == 1
    finally:
        valkey.stop()
