"""The server's own life: options, start, port, state, traffic, stop."""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
from itertools import islice

import pytest

from notifyws.devserver.server import DevServer, ServerOptions, endless_samples
from notifyws.errors import ConfigurationError
from notifyws.models import SAMPLES
from tests.devserver.support import TWO, connected, ending, receive, world


async def test_a_port_in_use_is_told_and_the_state_file_left_alone(tmp_path):
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = DevServer(ServerOptions(port=port, state=tmp_path / "state"))
        with pytest.raises(ConfigurationError) as caught:
            await server.start()
    assert caught.value.message == f"port {port} is in use"
    assert "--port" in caught.value.hint
    assert not list(tmp_path.iterdir())
    await server.stop()


async def test_a_bad_state_file_gives_the_port_back(tmp_path):
    path = tmp_path / "letter"
    path.write_text("dear all\n")
    with sockets.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConfigurationError):
        await DevServer(ServerOptions(port=port, state=path)).start()
    async with DevServer(ServerOptions(port=port)):
        pass


async def test_it_says_where_it_is_and_what_it_is_for():
    async with world() as one:
        important = [line for level, line in one.lines if level == 0]
        assert f"{one.server.url}, its page on {one.server.http_url}/" in important[0]
        assert "trying, testing and demonstrating" in important[1]


async def test_a_stop_closes_sockets_with_1012():
    async with world() as one:
        token = await one.token()
        async with one.open(token) as live, one.open() as guest:
            ends = asyncio.gather(ending(live), ending(guest))
            await one.server.stop()
            assert await ends == [(1012, "service restart")] * 2


async def test_a_stop_is_quick_though_a_client_is_stuck_and_another_waits():
    async with world() as one:
        token = await one.token()
        async with one.open(token, max_queue=1, close_timeout=0.02):
            for _ in range(4):
                await one.dev("notify", [{"message": "x" * 60_000}] * 50)
            await one.dev("mode", {"delay": 60})
            waiting = asyncio.create_task(one.http.post("/auth/login", json={}))
            await asyncio.sleep(0.02)
            loop = asyncio.get_running_loop()
            before = loop.time()
            await one.server.stop()
            assert loop.time() - before < 1.5
            await asyncio.gather(waiting, return_exceptions=True)


async def test_it_starts_again_on_its_port_at_once():
    async with world() as one:
        token = await one.token()
        port = one.server.port
        async with one.open(token):
            await one.server.stop()
    async with world(port=port) as two:
        assert (await two.refused(token)).status_code == 401


async def test_with_a_state_file_history_and_sessions_survive(tmp_path):
    state = tmp_path / "state"
    async with world(state=state) as one:
        tokens = await one.login()
        gone = await one.login()
        await one.logout(gone["refreshToken"])
        ids = (await one.dev("notify", [{"title": str(n)} for n in range(20)]))["ids"]
    async with world(state=state) as two:
        newer = (await two.dev("notify", {"title": "new"}))["id"]
        assert int(newer) > int(ids[-1])
        path = f"/?since={ids[4]}"
        async with two.open(tokens["accessToken"], path) as socket:
            seen = [each["id"] for each in await receive(socket, 16)]
            assert seen == [*ids[5:], newer]
        assert (await two.refused(gone["accessToken"])).status_code == 401
        assert (await two.refresh(tokens["refreshToken"])).status_code == 200


async def test_without_a_state_file_a_new_life_tells_a_gap():
    async with world() as one:
        old = (await one.dev("notify"))["id"]
    async with world() as two:
        token = (await two.login())["accessToken"]
        async with two.open(token, f"/?since={old}") as socket:
            gap = await receive(socket)
            assert (gap["type"], gap["from"]) == ("gap", old)
            assert int((await two.dev("notify"))["id"]) > int(old)


async def test_traffic_flows_to_everybody_connected():
    async with world(traffic=200, users=TWO) as one:
        ann = await one.token("ann")
        bob = await one.token("bob")
        async with one.open(ann) as a, one.open(bob) as b:
            for socket in (a, b):
                types = {each["type"] for each in await receive(socket, 6)}
                assert types == SAMPLES.keys()


async def test_nothing_is_printed(caplog, capfd):
    caplog.set_level(logging.WARNING)
    async with connected() as (one, socket):
        await one.dev("raw", {"text": "x"})
        socket.transport.abort()
        with sockets.create_connection(("127.0.0.1", one.server.port)) as raw:
            raw.sendall(b"rubbish\r\n\r\n")
            assert (await one.http.get("/")).headers.get("server") is None
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": -1},
        {"port": 65536},
        {"users": {}},
        {"users": {"": "x"}},
        {"access_ttl": 0},
        {"refresh_ttl": float("nan")},
        {"history": 0},
        {"traffic": -1},
        {"flaky": float("inf")},
    ],
)
def test_senseless_options_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        ServerOptions(**wrong)


def test_every_example_is_complete():
    assert set(SAMPLES) == {"trip_update", "payment_approved", "message_received"}
    for payload in SAMPLES.values():
        assert set(payload) == {"title", "message", "link", "data"}
        assert all(payload.values())


def test_the_endless_ones_take_turns_and_begin_with_the_examples():
    first = list(islice(endless_samples(), 6))
    assert [one["type"] for one in first] == [*SAMPLES, *SAMPLES]
    for one in first[:3]:
        assert {k: v for k, v in one.items() if k != "type"} == SAMPLES[one["type"]]


def test_the_endless_ones_vary_and_their_data_with_them():
    shown = list(islice(endless_samples(), 30))
    assert len({one["message"] for one in shown}) == 9
    for one in shown:
        assert one["data"].keys() == SAMPLES[one["type"]]["data"].keys()
        if one["type"] == "payment_approved":
            assert f"${one['data']['amount']:.2f}" in one["message"]
