"""A Redis fails over, is private, forbids, and holds what nobody expects."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from notifyws.auth.cache.build import open_cache
from notifyws.auth.cache.redis import RedisCache
from notifyws.auth.cache.redis_errors import MOVED_ON
from notifyws.errors import CacheFailed, ConfigurationError
from tests.support.proxy import proxy
from tests.support.resp import scripted
from tests.support.tls import Authority
from tests.support.valkey import Valkey

ME = "0123456789abcdef"
KEY = f"notifyws:{{{ME}}}:access"
HOLD = {"access": ("a", 60.0)}


def at(port: int) -> str:
    return f"redis://127.0.0.1:{port}"


async def test_after_a_failover_the_name_is_asked_for_the_new_primary_at_once():
    """valkey-io/valkey, src/replication.c: clients stay connected to a demoted one."""
    with Valkey() as old, Valkey() as new, proxy(old.port) as (name, _):
        async with aclosing(RedisCache(at(name.port))) as cache:
            assert await cache.replace(ME, HOLD, expect={})
            old.command("REPLICAOF", "127.0.0.1", new.port)
            name.target = new.port
            assert await cache.replace(ME, {"access": ("b", 60.0)}, expect={})
            assert (await cache.read(ME, "access"))["access"].text == "b"
        assert new.command("GET", KEY) == b"b"
        assert name.opened == 2


@pytest.mark.parametrize("code", sorted(MOVED_ON))
@pytest.mark.parametrize(
    "answer",
    ["-{} 1 10.0.0.1:1\r\n", "-ERR Error running script: @x: 1: -{} 1 10.0.0.1:1\r\n"],
)
async def test_whoever_is_not_the_one_to_ask_is_left_and_its_name_asked_again(
    code, answer
):
    """redis/redis, src/script_lua.c: within a script, the word stands further on."""
    said = answer.format(code).encode()
    async with scripted(said) as old, scripted(b"+PONG\r\n") as new:
        with proxy(old.port) as (name, _):
            async with aclosing(RedisCache(at(name.port))) as cache:
                with pytest.raises(CacheFailed):
                    await cache.ping()
                name.target = new.port
                await cache.ping()
    assert len(old.requests) == 2, "asked once more, over another connection"
    assert len(new.requests) == 1


@pytest.fixture(scope="module")
def authority():
    return Authority()


async def test_a_private_authority_is_to_be_named_in_the_url(authority, tmp_path):
    """heroku/cli, "rediss://" with certificates that its own authority signed."""
    async with scripted(b"+PONG\r\n", tls=authority.good()) as server:
        url = server.url.replace("redis:", "rediss:")
        async with aclosing(RedisCache(url)) as cache:
            with pytest.raises(CacheFailed) as caught:
                await cache.ping()
            assert "?ssl_ca_certs=/path/to/ca.pem" in caught.value.hint
            assert "unable to get local issuer" in caught.value.message
        named = f"{url}?ssl_ca_certs={authority.write(tmp_path)}"
        async with aclosing(RedisCache(named)) as cache:
            await cache.ping()


@pytest.mark.parametrize(
    ("made", "hint"), [("expired", "is this clock right"), ("for_another_host", "name")]
)
async def test_what_no_authority_mends_has_another_hint(
    authority, tmp_path, made, hint
):
    path = authority.write(tmp_path)
    async with scripted(b"+PONG\r\n", tls=getattr(authority, made)()) as server:
        url = server.url.replace("redis:", "rediss:")
        async with aclosing(RedisCache(f"{url}?ssl_ca_certs={path}")) as cache:
            with pytest.raises(CacheFailed) as caught:
                await cache.ping()
    assert hint in caught.value.hint
    assert "ssl_ca_certs" not in caught.value.hint


async def test_plain_redis_where_tls_is_expected_is_said():
    async with scripted(b"-ERR unknown command\r\n") as server:
        url = server.url.replace("redis:", "rediss:")
        async with aclosing(RedisCache(url)) as cache:
            with pytest.raises(CacheFailed) as caught:
                await cache.ping()
    assert "instead of rediss://" in caught.value.hint


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
@pytest.mark.parametrize("kind", ["missing", "folder", "rubbish", "empty"])
def test_a_file_of_the_url_that_cannot_be_used_is_named(tmp_path, option, kind):
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("" if kind == "empty" else "rubbish")
    with pytest.raises(ConfigurationError) as caught:
        open_cache(f"rediss://h?{option}={path}")
    assert option in caught.value.message or "option" in caught.value.message


@pytest.mark.parametrize(
    "query",
    [
        *("ssl_cert_reqs=maybe", "ssl_min_version=7", "ssl_ciphers=x", "ssl_ca_data=x"),
        *("ssl_include_verify_flags=x", "ssl_nonesuch=x", "db=x"),
    ],
)
def test_whatever_a_url_says_of_tls_is_no_bug_of_ours(query):
    with pytest.raises(ConfigurationError):
        open_cache(f"rediss://h?{query}")


def test_a_file_for_the_keys_of_tls_that_cannot_be_written_is_named(
    monkeypatch, tmp_path
):
    path = tmp_path / "gone" / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    with pytest.raises(ConfigurationError, match="SSLKEYLOGFILE"):
        open_cache("rediss://h")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("-ERR DB index is out of range", "correct the number"),
        ("-ERR unknown command 'EVAL', with args", "+eval"),
        ("-ERR max number of clients reached", "maxclients"),
        ("-DENIED Redis is running in protected mode", "password"),
        ("-ERR ACL failure in script: User x has no permissions to run the 'get'", "~"),
        ("-NOPERM User x has no permissions to access one of the keys", "notifyws:*"),
    ],
)
async def test_what_a_server_forbids_is_told_with_what_it_has_to_allow(answer, words):
    """redis/redis, src/acl.c, src/networking.c and src/db.c."""
    async with (
        scripted(f"{answer}\r\n".encode()) as server,
        aclosing(RedisCache(server.url)) as cache,
    ):
        with pytest.raises(CacheFailed) as caught:
            await cache.read(ME, "access")
    assert words in caught.value.hint
    assert "delete" not in caught.value.hint


async def test_of_a_huge_value_no_more_than_we_could_have_written_is_transferred(
    clean_valkey,
):
    clean_valkey.command("SET", KEY, "x" * (32 << 20), "PX", 60_000)
    with proxy(clean_valkey.port) as (between, _):
        between.down.left = 200_000  # then the line is cut
        async with aclosing(RedisCache(at(between.port))) as cache:
            assert (await cache.read(ME, "access"))["access"].text == ""
            assert await cache.replace(ME, HOLD, expect={"access": ""})
