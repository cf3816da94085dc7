"""The WebSocket side: letting in, passing on, replaying, closing."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.devserver.support import (
    TWO,
    UPGRADE,
    connected,
    ending,
    receive,
    until,
    world,
)


def message(kind="note", **payload):
    return json.dumps({"type": kind, "payload": payload})


# Letting in


@pytest.mark.parametrize(
    "place",
    [
        {"token": "{}"},
        {"path": "/?token={}"},
        {"path": "/ws?access_token={}"},
        {"path": "/any/where?token={}"},
        {"subprotocols": ["bearer", "{}"]},
    ],
)
async def test_a_token_may_stand_in_many_places(place):
    async with world() as one:
        options = json.loads(json.dumps(place).replace("{}", await one.token()))
        async with one.open(**options) as socket:
            assert [socket.subprotocol] == place.get("subprotocols", [None])[:1]
            await one.dev("notify", {"title": "hi"})
            assert (await receive(socket))["title"] == "hi"


async def test_a_token_may_come_in_the_first_frame_and_is_not_answered():
    async with world() as one:
        token = await one.token()
        async with one.open() as socket:
            await socket.send(json.dumps({"type": "auth", "token": token}))
            await until(one, live=1)
            await one.dev("notify", {"title": "first"})
            assert (await receive(socket))["title"] == "first"


@pytest.mark.parametrize(
    "options",
    [
        {"token": "bad"},
        {"path": "/?token=bad"},
        {"path": "/?token="},
        {"path": "/?access_token=bad"},
        {"subprotocols": ["bearer", "bad"]},
        {"authorization": "Basic eDp5"},
    ],
)
async def test_a_bad_token_is_an_http_401(options):
    async with world() as one:
        answer = await one.refused(**options)
        assert answer.status_code == 401
        assert json.loads(bytes(answer.body))["error"]["code"] == "invalid_token"
        assert (await one.stats())["refusedUpgrades"] == 1


@pytest.mark.parametrize(
    "frame", ['{"type":"auth","token":"bad"}', '{"type":"hello"}', "rubbish", b"bytes"]
)
async def test_a_bad_first_frame_is_closed_with_4401(frame):
    async with world() as one, one.open() as socket:
        await socket.send(frame)
        assert await ending(socket) == (4401, "unauthorized")


async def test_a_first_frame_that_does_not_come_is_closed_with_4401():
    async with world(auth_timeout=0.02) as one, one.open() as socket:
        assert (await ending(socket))[0] == 4401


async def test_a_client_that_leaves_before_its_first_frame_is_no_trouble():
    async with world() as one:
        async with one.open():
            pass
        assert (await one.stats())["connections"] == 0


@pytest.mark.parametrize("path", ["/auth/login", "/_dev/stats"])
async def test_no_socket_stands_where_http_is(path):
    async with world() as one:
        token = await one.token()
        assert (await one.refused(token, path)).status_code == 404


async def test_a_live_socket_outlives_its_token():
    async with connected(access_ttl=1.5) as (one, socket):
        await asyncio.sleep(1.6)
        await one.dev("notify", {"title": "still"})
        assert (await receive(socket))["title"] == "still"


# Passing on


async def test_a_message_reaches_every_other_connection_of_the_user_only():
    async with world(users=TWO) as one:
        ann = await one.token("ann")
        bob = await one.token("bob")
        async with one.open(ann) as a, one.open(ann) as b, one.open(bob) as c:
            await a.send(message("trip", title="T", link="/x", tripId="1"))
            seen = await receive(b)
            assert seen.pop("timestamp").endswith("Z")
            assert seen.pop("id").isdecimal()
            assert seen == {
                "type": "trip",
                "title": "T",
                "message": "",
                "link": "/x",
                "data": {"tripId": "1"},
            }
            for user in ("ann", "bob"):
                await one.dev("notify", {"user": user, "title": "next"})
            assert (await receive(a))["title"] == "next"
            assert (await receive(c))["title"] == "next"
            assert (await one.stats())["received"] == 1


async def test_a_message_to_nobody_is_kept():
    async with connected() as (one, socket):
        await socket.send(message(title="kept"))
        await (await socket.ping())
        async with one.open(await one.token(), "/?since=0") as again:
            assert (await receive(again))["title"] == "kept"


async def test_a_malformed_message_is_refused_and_the_socket_stays():
    async with connected() as (one, socket):
        await socket.send('{"id":"m1","payload":{}}')
        assert (await receive(socket))["payload"]["id"] == "m1"
        for frame in ("nonsense", "[1]", b"\x00", "x" * 70_000):
            await socket.send(frame)
            refusal = await receive(socket)
            assert refusal["type"] == "error"
            assert "id" not in refusal["payload"]
        await one.dev("notify", {"title": "alive"})
        assert (await receive(socket))["title"] == "alive"
        assert (await one.stats())["refusedMessages"] == 5


async def test_a_late_auth_frame_is_never_passed_on():
    async with world() as one:
        token = await one.token()
        async with one.open(token) as a, one.open(token) as b:
            await a.send(json.dumps({"type": "auth", "token": token}))
            await a.send(message(title="after"))
            assert (await receive(b))["title"] == "after"
            await a.send('{"type":"auth","token":"bad"}')
            assert await ending(a) == (4401, "unauthorized")


# Replaying


async def test_a_resume_replays_in_order_what_was_missed():
    async with world() as one:
        token = await one.token()
        ids = (await one.dev("notify", [{"title": str(n)} for n in range(500)]))["ids"]
        assert ids == sorted(ids, key=int)
        async with one.open(token, f"/?since={ids[99]}") as socket:
            await one.dev("notify", {"title": "live"})
            titles = [each["title"] for each in await receive(socket, 401)]
            assert titles == [*map(str, range(100, 500)), "live"]


async def test_ten_thousand_are_kept():
    async with world() as one:
        token = await one.token()
        ids = (await one.dev("notify", [{}] * 10_050))["ids"]
        async with one.open(token, f"/?since={ids[0]}") as socket:
            frames = [await socket.recv() for _ in range(10_001)]
        gap, *rest = map(json.loads, frames)
        assert gap["to"] == ids[50]
        assert [each["id"] for each in rest] == ids[50:]


async def test_between_replay_and_live_there_is_no_hole_and_no_double():
    async with world() as one:
        token = await one.token()
        first = (await one.dev("notify", [{}] * 2000))["ids"]
        publishing = asyncio.create_task(one.dev("notify", [{}] * 3000))
        seen = [first[0]]
        while len(seen) < 5000:  # reconnects again and again in the midst of it
            path = f"/?since={seen[-1]}"
            async with one.open(token, path, max_queue=None) as socket:
                for _ in range(min(700, 5000 - len(seen))):
                    seen.append((await receive(socket))["id"])
        assert seen == first + (await publishing)["ids"]


async def test_others_are_served_while_one_replays():
    async with world() as one:
        token = await one.token()
        await one.dev("notify", [{}] * 10_000)
        async with one.open(token) as live:
            loop = asyncio.get_running_loop()
            async with one.open(token, "/?since=0", max_queue=None) as replaying:
                await replaying.recv()
                before = loop.time()
                await one.dev("notify", {"title": "now"})
                assert (await receive(live))["title"] == "now"
                assert loop.time() - before < 0.25


async def test_a_slow_client_hurts_nobody_and_is_closed_with_1013():
    async with world(history=100) as one:
        token = await one.token()
        async with one.open(token, max_queue=1) as slow, one.open(token) as quick:
            count, big = 0, [{"message": "x" * 50_000}] * 50
            while count < 700:
                await one.dev("notify", big)
                count += len(await receive(quick, 50))
            assert (await ending(slow))[0] == 1013
            closes = (await one.stats())["closes"]
            assert [each["code"] for each in closes] == [1013]


async def test_answers_that_nobody_reads_end_their_connection():
    async with connected() as (_, socket):
        for _ in range(1500):
            await socket.send(b"")
        assert await ending(socket) == (1013, "too slow: the outbox is full")


# Closing


async def test_the_code_that_a_client_closes_with_is_known():
    async with world() as one:
        token = await one.token()
        async with one.open(token) as a, one.open(token) as b, one.open(token) as c:
            await a.close(1000, "bye")
            await b.close(4321)
            c.transport.abort()
            await until(one, live=0)
            closes = [each["code"] for each in (await one.stats())["closes"]]
            assert closes == [1000, 4321, 1006]


async def test_flaky_cuts_every_socket():
    async with world(flaky=0.03) as one:
        token = await one.token()
        for _ in range(2):
            async with one.open(token) as socket:
                assert (await ending(socket))[0] == 1006
            async with one.open(token):
                pass  # who leaves earlier is no trouble
        await asyncio.sleep(0.05)
        assert (await one.stats())["connections"] == 4


async def test_a_frame_sent_before_the_answer_is_heard_and_leaves_nobody_behind():
    async with world() as one:
        token = await one.token()
        head = [f"GET /?token={token} HTTP/1.1", "Host: localhost"]
        head += [f"{name}: {value}" for name, value in UPGRADE.items()]
        early = "\r\n".join([*head, "", ""]).encode() + b"\x81\x80\0\0\0\0"
        reader, writer = await asyncio.open_connection("127.0.0.1", one.server.port)
        writer.write(early)
        assert (await reader.readline()).startswith(b"HTTP/1.1 101")
        await reader.readuntil(b"a message is a JSON object")
        writer.close()
        await writer.wait_closed()
        await until(one, live=0)
