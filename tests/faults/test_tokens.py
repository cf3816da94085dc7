"""Faults around tokens: many processes, broken caches, odd answers, wrong clocks."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import signal
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate

import pytest

from notifyws.auth.cache.memory import FallbackCache
from notifyws.auth.cache.redis import RedisCache
from notifyws.auth.http_api import HttpApi
from notifyws.auth.token_manager import TokenManager
from notifyws.clock import real_clock
from notifyws.models import Account
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse
from notifyws.protocol.token_replies import Lifetimes
from tests.e2e.support import COMMAND
from tests.support.catalogue import sample
from tests.support.httpd import Peer, answer, httpd, json_answer
from tests.support.resp import scripted
from tests.support.valkey import Valkey

PROFILE = parse(*profile_text("default"))
SENTINEL = "sentinel-password-5e1f"
LONG = 100.0
"""Seconds that two hundred Pythons may take on two cores."""


class Desk:
    """A server's HTTP side: it rotates refresh tokens, and fails as it is told.

    Args:
        loses: how many replies to a refresh are cut after the rotation.
        says: added to, or put in the place of, what an answer says.

    Attributes:
        logins: passwords shown; refreshes: refresh tokens shown.
        open: cleared to keep every answer to a refresh back.
    """

    def __init__(self, *, loses: int = 0, **says) -> None:
        self.loses = loses
        self.says = says
        self.drops: set[str] = set()
        self.headers: dict[str, str] = {}
        self.logins: list[str] = []
        self.refreshes: list[str] = []
        self.good: set[str] = set()
        self.open = asyncio.Event()
        self.open.set()
        self._number = 0

    @property
    def asked(self) -> tuple[int, int]:
        return len(self.logins), len(self.refreshes)

    async def story(self, peer: Peer) -> None:
        request = await peer.request()
        if request.target == "/auth/login":
            self.logins.append(request.json["password"])
            good = self.logins[-1] == "demo"
            await peer.write(self._grant() if good else answer(401))
        elif request.target == "/auth/logout":
            await peer.write(answer(204))
        else:
            await self._refresh(peer, request.json["refreshToken"])

    async def _refresh(self, peer: Peer, token: str) -> None:
        self.refreshes.append(token)
        good = token in self.good
        self.good.discard(token)
        reply = self._grant() if good else answer(401)
        await self.open.wait()
        if self.loses:
            self.loses -= 1
            peer.cut()
            return
        await peer.write(reply)

    def _grant(self) -> bytes:
        self._number += 1
        self.good.add(f"refresh-{self._number}")
        body = {
            "accessToken": f"access-{self._number}",
            "refreshToken": f"refresh-{self._number}",
            "expiresIn": 900,
            "refreshExpiresIn": 604800,
            **self.says,
        }
        kept = {name: body[name] for name in body if name not in self.drops}
        return json_answer(kept, **self.headers)


@dataclass
class Done:
    """What became of a process."""

    code: int
    out: str
    err: str


@dataclass
class Town:
    """A desk, a Valkey, and as many processes and keepers as one likes."""

    desk: Desk
    server: object
    valkey: Valkey
    home: object
    caches: list = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def account(self) -> Account:
        return Account(self.server.origin, "default", "demo")

    @property
    def prefix(self) -> str:
        """The beginning of an account's keys, worked out by hand."""
        text = f"{self.server.origin}\ndefault\ndemo"
        return f"notifyws:{{{hashlib.sha256(text.encode()).hexdigest()[:16]}}}:"

    def left(self, name: str) -> float:
        """The seconds for which a key is kept."""
        return self.valkey.command("PTTL", self.prefix + name) / 1000

    def text(self, name: str) -> str:
        return (self.valkey.command("GET", self.prefix + name) or b"").decode()

    def names(self) -> set[str]:
        found = {key.decode() for key in self.valkey.command("KEYS", "*")}
        return {key.removeprefix(self.prefix) for key in found}

    def over(self, name: str) -> None:
        """Let a key's time be over."""
        self.valkey.command("DEL", self.prefix + name)

    def env(self, password: str) -> dict[str, str]:
        return {
            "WEBSOCKET_SERVER_URL": self.server.url,
            "WEBSOCKET_USERNAME": "demo",
            "WEBSOCKET_PASSWORD": password,
            "REDIS_URL": self.valkey.url,
        }

    async def start(self, *args: str, password: str = "demo", **env: str):
        return await self._spawned(COMMAND, *args, password=password, **env)

    async def _spawned(self, *command: str, password: str, **env: str):
        return await spawned(self.home, *command, **{**self.env(password), **env})

    async def run(self, *args: str, password: str = "demo", **env: str) -> Done:
        return await ended(await self.start(*args, password=password, **env))

    async def many(self, count: int, *, password: str = "demo") -> list[Done]:
        """Run ``notifyws token`` so many times at once."""

        def run() -> list[Done]:
            env = self.env(password)
            started = [self.home.start("token", env=env) for _ in range(count)]
            codes = [each.wait(LONG) for each in started]
            return [
                Done(code, each.out.text, each.err.text)
                for code, each in zip(codes, started, strict=True)
            ]

        return await asyncio.to_thread(run)

    def token_manager(
        self, password: str = "demo", *, url: str = "", origin: str = "", **how
    ) -> TokenManager:
        """A keeper with a connection of its own, as if it were another process.

        Args:
            password: to log in with; empty for none.
            url: another cache.
            origin: another place where the server is sought.
            how: for the cache.
        """
        primary = RedisCache(url or self.valkey.url)
        cache = FallbackCache(primary, self.said.append, **how)
        self.caches.append(cache)
        http = HttpApi(origin or self.server.origin, PROFILE, Lifetimes())
        keep = {"username": "demo", "password": password}
        return TokenManager(self.account, cache, http, real_clock(), **keep)

    async def all_get(self, count: int, password: str = "demo") -> list:
        asking = (self.token_manager(password).get() for _ in range(count))
        return await asyncio.gather(*asking, return_exceptions=True)


async def spawned(home, *command: str, **env: str):
    """Start a command, which says nothing to us but through pipes."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *command,
        env={**home.env, **env},
        cwd=home.path,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
    )


async def ended(process) -> Done:
    out, err = await asyncio.wait_for(process.communicate(), LONG)
    return Done(process.returncode, out.decode().strip(), err.decode().strip())


@asynccontextmanager
async def town(desk: Desk, valkey: Valkey, home):
    async with httpd(desk.story) as server:
        lived_in = Town(desk, server, valkey, home)
        try:
            yield lived_in
        finally:
            for cache in lived_in.caches:
                await cache.aclose()


async def until(true, patience: float = 20.0) -> None:
    async with asyncio.timeout(patience):
        while not true():
            await asyncio.sleep(0.01)


def codes(done: list[Done]) -> set[int]:
    return {each.code for each in done}


# 26: many processes, one empty cache


@pytest.mark.fault(26)
@pytest.mark.parametrize("count", sample(8, 30, 200))
async def test_processes_that_find_the_cache_empty_together_cause_one_login(
    count, clean_valkey, home
):
    async with town(Desk(), clean_valkey, home) as here:
        done = await here.many(count)
        assert codes(done) == {0}, [each.err for each in done if each.code]
        assert not (told := {each.err for each in done} - {""}), told
        assert {each.out for each in done} == {"access-1"}
        assert {each.err for each in done} == {""}
        assert here.desk.asked == (1, 0)


@pytest.mark.fault(26)
@pytest.mark.slow
@pytest.mark.parametrize("cache", ["redis", "sqlite"])
async def test_processes_that_find_the_token_expired_together_cause_one_refresh(
    cache, clean_valkey, home
):
    life = {"expiresIn": 1} if cache == "sqlite" else {}
    async with town(Desk(**life), clean_valkey, home) as here:
        if cache == "sqlite":
            home.env["NOTIFYWS_CACHE_URL"] = f"sqlite://{home.path}/tokens.db"
        await here.run("token")
        here.over("access")
        await asyncio.sleep(1)
        here.desk.says = {}
        done = await here.many(30)
        assert codes(done) == {0}
        assert {each.out for each in done} == {"access-2"}
        assert here.desk.asked == (1, 1)


# 27: the lock's holder is killed, or stopped


async def holding(here: Town):
    """Return a process that has the lock, and whose refresh is not yet answered."""
    await here.token_manager().get()
    here.over("access")
    here.desk.open.clear()
    holder = await here.start("token")
    await until(lambda: here.desk.refreshes)
    return holder


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    "lock_lasts", [0.3, pytest.param(15.0, marks=pytest.mark.slow)]
)
async def test_a_holder_that_is_killed_costs_the_lock_s_time_and_one_login(
    lock_lasts, clean_valkey, home
):
    async with town(Desk(), clean_valkey, home) as here:
        holder = await holding(here)
        holder.send_signal(signal.SIGKILL)
        await ended(holder)
        here.desk.open.set()
        assert 10 < here.left("lock") <= 15
        clean_valkey.command("PEXPIRE", f"{here.prefix}lock", int(1000 * lock_lasts))
        started = time.monotonic()
        got = await here.all_get(30)
        assert time.monotonic() - started < lock_lasts + 3
        assert {each.value for each in got} == {"access-3"}
        assert here.desk.asked == (2, 1)


@pytest.mark.fault(27)
async def test_a_holder_that_is_stopped_past_the_lock_s_time_overwrites_nothing(
    clean_valkey, home
):
    async with town(Desk(), clean_valkey, home) as here:
        holder = await holding(here)
        holder.send_signal(signal.SIGSTOP)
        here.desk.open.set()
        here.over("lock")
        newer = await here.token_manager().get()
        holder.send_signal(signal.SIGCONT)
        done = await ended(holder)
        assert (done.code, done.out) == (0, "access-2")
        assert (await here.token_manager().get()).value == newer.value == "access-3"
        assert here.desk.refreshes == ["refresh-1"]


# 28: the refresh reply is lost


@pytest.mark.fault(28)
@pytest.mark.slow
async def test_thirty_processes_use_a_token_that_may_be_spent_twice_then_exit_4(
    clean_valkey, home
):
    async with town(Desk(loses=1), clean_valkey, home) as here:
        await here.token_manager().get()
        here.over("access")
        done = await here.many(30, password="")
        assert codes(done) == {4}
        assert here.desk.refreshes == ["refresh-1"] * 2
        assert all("hint: notifyws auth login" in each.err for each in done)


@pytest.mark.fault(28)
async def test_ctrl_c_during_a_refresh_keeps_what_the_server_rotated(
    clean_valkey, home
):
    async with town(Desk(), clean_valkey, home) as here:
        holder = await holding(here)
        holder.send_signal(signal.SIGINT)
        await asyncio.sleep(0.3)
        here.desk.open.set()
        assert (await ended(holder)).code == -signal.SIGINT
        assert (await here.token_manager("").get()).source == "cache"
        here.over("access")
        assert (await here.token_manager("").get()).source == "refresh"
        assert here.desk.refreshes == ["refresh-1", "refresh-2"]


@pytest.mark.fault(28)
async def test_ctrl_c_before_a_refresh_is_answered_marks_the_token_as_used(
    clean_valkey, home
):
    async with town(Desk(), clean_valkey, home) as here:
        holder = await holding(here)
        holder.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert (await ended(holder)).code == -signal.SIGINT
        assert time.monotonic() - started < 4
        assert {name.partition(":")[0] for name in here.names()} == {
            "generation",
            "lost",
            "refresh",
        }
        here.desk.open.set()
        assert (await here.token_manager().get()).source == "login"
        assert here.desk.refreshes == ["refresh-1"]


# 30: odd answers to a login


async def drips(peer: Peer) -> None:
    await peer.request()
    await peer.drip(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 10_000, pause=0.05)


def wrote(data: bytes):
    async def story(peer: Peer) -> None:
        request = await peer.request()
        await peer.write(data.replace(b"PASSWORD", request.json["password"].encode()))

    return story


async def floods(peer: Peer) -> None:
    await peer.request()
    await peer.write(b"HTTP/1.1 200 OK\r\n\r\n[0")
    for _ in range(1000):
        await peer.write(b",0" * 131_072)  # until the client has had enough


async def bombs(peer: Peer) -> None:
    await peer.request()
    bomb = gzip.compress(bytes(200_000_000), 1)
    await peer.write(answer(200, bomb[:60_000], Content_Encoding="gzip"))


ODD = {
    "HTML": wrote(answer(200, b"<html>PASSWORD</html>")),
    "empty": wrote(answer(200)),
    "250 megabytes": floods,
    "a gzip bomb": bombs,
    "wrong types": wrote(json_answer({"accessToken": {"PASSWORD": 1}})),
    "an echo": wrote(json_answer({"error": "PASSWORD is no good"}, 500)),
    "a drip": drips,
}


@pytest.mark.fault(30)
@pytest.mark.parametrize("story", ODD.values(), ids=ODD)
async def test_an_odd_answer_to_a_login_is_one_clear_error_soon_and_without_password(
    story, home
):
    async with httpd(story) as server:
        env = {
            "WEBSOCKET_SERVER_URL": server.url,
            "WEBSOCKET_USERNAME": "demo",
            "WEBSOCKET_PASSWORD": SENTINEL,
            "NOTIFYWS_HTTP_TIMEOUT": "1.5",
        }
        started = time.monotonic()
        limited = f"ulimit -v 260000 2>&-; exec {COMMAND} token -vvv"
        done = await ended(await spawned(home, "sh", "-c", limited, **env))
        assert time.monotonic() - started < 40  # a drip would take ten minutes
        assert (done.code, done.out) == (5, "")
        assert done.err.startswith(f"error: {server.origin}") or server.host in done.err
        assert "Traceback" not in done.err
        assert SENTINEL not in done.err


# 31: a wrong password


@pytest.mark.fault(31)
@pytest.mark.slow
async def test_thirty_processes_with_a_wrong_password_try_it_once(clean_valkey, home):
    async with town(Desk(), clean_valkey, home) as here:
        done = await here.many(30, password="wrong")
        assert codes(done) == {4}
        assert here.desk.logins == ["wrong"]


# 32: a logout during a refresh


@pytest.mark.fault(32)
async def test_a_logout_during_a_refresh_wins(clean_valkey, home):
    async with town(Desk(), clean_valkey, home) as here:
        refreshing = await holding(here)
        assert (await here.run("auth", "logout")).code == 0
        here.desk.open.set()
        assert (await ended(refreshing)).code == 0
        assert here.names() == {"generation"}
        done = await here.run("token", password="")
        assert done.code == 4


# 33: the cache fails, in every way


BROKEN = {
    "hangs": b"",
    "is loading": b"-LOADING loading the dataset\r\n",
    "is read-only": b"-READONLY You can't write\r\n",
    "is full": b"-OOM command not allowed\r\n",
    "wants a password": b"-NOAUTH Authentication required.\r\n",
    "says HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "says noise": b"\x00\xff\xfe garbage\r\n",
    "says yes to everything": b"+OK\r\n",
    "says no to everything": b":0\r\n",
    "says nothing is there": b"$-1\r\n",
    "ends in the middle": b"*3\r\n*2\r\n$99\r\nabc",
}


async def goes_on_in_memory(here: Town, url: str) -> None:
    """Assert one warning within a second, and one login for all that follows."""
    token_manager = here.token_manager(url=url)
    started = time.monotonic()
    got = [await token_manager.get() for _ in range(3)]
    assert time.monotonic() - started < 5  # without a limit, a second each call
    assert [each.source for each in got] == ["login", "cache", "cache"]
    assert len(here.said) == 1
    assert here.said[0].endswith("using memory only")
    assert here.desk.asked == (1, 0)


@pytest.mark.fault(33)
@pytest.mark.parametrize("then_close", sample(False, True), ids=["", "and closes"])
@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN)
async def test_a_cache_that_is_broken_costs_a_second_and_one_warning(
    said, then_close, clean_valkey, home
):
    async with (
        scripted(said, then_close=then_close) as context,
        town(Desk(), clean_valkey, home) as here,
    ):
        await goes_on_in_memory(here, context.url)


@pytest.mark.slow
@pytest.mark.fault(33)
async def test_a_process_says_once_that_its_cache_hangs_and_prints_its_token(
    clean_valkey, home
):
    async with scripted(b"") as context, town(Desk(), clean_valkey, home) as here:
        done = await here.run("token", REDIS_URL=context.url)
        assert (done.code, done.out) == (0, "access-1")
        assert done.err.startswith("warning: token cache redis://127.0.0.1:")
        assert len(done.err.splitlines()) == 1


@pytest.mark.fault(33)
async def test_a_cache_that_loses_everything_costs_one_login_and_no_word(
    clean_valkey, home
):
    async with town(Desk(), clean_valkey, home) as here:
        keepers = [here.token_manager() for _ in range(30)]
        await asyncio.gather(*(token_manager.get() for token_manager in keepers))
        clean_valkey.flush()
        got = await asyncio.gather(*(token_manager.get() for token_manager in keepers))
        assert {each.value for each in got} == {"access-2"}
        assert here.desk.asked == (2, 0)
        assert here.said == []


# 35: a host clock ten minutes off


def jwt(**claims) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    coded = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return ".".join([*coded, "c2ln"])


@pytest.mark.fault(35)
@pytest.mark.parametrize("off", [-600, -5, 0, 5, 600, 3600])
@pytest.mark.parametrize("tells", ["iat", "date"])
async def test_a_clock_that_is_off_makes_no_early_late_or_looping_refresh(
    off, tells, clean_valkey, home
):
    theirs = int(time.time()) + off
    claims = {"exp": theirs + 900, **({"iat": theirs} if tells == "iat" else {})}
    async with town(Desk(accessToken=jwt(**claims)), clean_valkey, home) as here:
        here.desk.drops = {"expiresIn"}
        if tells == "date":
            here.desk.headers = {"Date": formatdate(theirs, usegmt=True)}
        got = [await here.token_manager().get() for _ in range(3)]
        assert {each.source for each in got[1:]} == {"cache"}
        assert 710 < here.left("access") <= 721
        assert here.desk.asked == (1, 0)
