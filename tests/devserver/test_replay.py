"""A recording is played as it was, to a client that may do something else."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSMsgType

from notifyws.devserver.played_socket import differences
from notifyws.devserver.replay import ReplayServer
from notifyws.recording import (
    Closed,
    Exchange,
    Header,
    Opened,
    Opening,
    Received,
    Recording,
    Refused,
    Sent,
    Unreached,
)
from tests.protocol.profiles.stage import until


def opened(socket, *entries):
    """The entries of one socket that was opened."""
    return (
        Opening(at=0.0, socket=socket, url="ws://h"),
        Opened(at=0.0, socket=socket),
        *entries,
    )


def received(text, at=0.0, socket=1):
    return Received(at=at, socket=socket, text=text)


def closed(by="server", code=1000, socket=1, **facts):
    return Closed(at=0.0, socket=socket, by=by, code=code, **facts)


class Stage:
    def __init__(self, server, client, said):
        self.server, self.said = server, said
        self.connect = client.ws_connect
        self.get = client.get


@asynccontextmanager
async def playing(*entries, **how):
    said = []
    recording = Recording(Header(1, "p", "default", ""), entries)
    known = {"port": 0, "speed": float("inf"), "patience": 0.1, "linger": 0.1, **how}
    log = lambda level, line: said.append(line)  # noqa: E731
    async with (
        ReplayServer(recording, log=log, **known) as server,
        aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client,
    ):
        yield Stage(server, client, said)


async def told(socket, count):
    return [(await socket.receive()).data for _ in range(count)]


async def test_frames_come_as_they_were_and_then_the_close_with_its_words():
    binary = Received(at=0.0, socket=1, binary="AP8=")
    end = closed(code=4403, reason="no more")
    async with playing(*opened(1, received("a"), binary, end)) as stage:
        async with stage.connect("/any/path") as socket:
            assert await told(socket, 2) == ["a", b"\0\xff"]
            assert (await socket.receive()).extra == "no more"
            assert socket.close_code == 4403
        refused = await stage.get("/", headers={"Upgrade": "websocket"})
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert "this is the last connection of the recording" in stage.said


async def test_a_reason_that_is_too_long_ends_with_a_whole_letter():
    async with playing(*opened(1, closed(reason="é" * 200))) as stage:
        socket = await stage.connect(stage.server.url)
        message = await socket.receive()
        assert (message.data, message.extra) == (1000, "é" * 61)


async def test_an_answer_is_json_whatever_else_its_headers_said():
    facts = {"method": "GET", "path": "/a", "status": 200, "answer": "{}"}
    odd = {"headers": {"content-type": "text/html"}, "cookies": {"path": "a"}}
    told = Exchange(at=0.0, **odd, **facts)
    async with playing(told, *opened(1)) as stage:
        answer = await stage.get("/a")
        assert (answer.status, answer.content_type) == (200, "application/json")


async def test_a_close_without_a_code_and_a_cut_are_what_they_were():
    entries = (
        *opened(1, closed(code=1005)),
        *opened(2, closed("nobody", 1006, socket=2)),
    )
    async with playing(*entries) as stage:
        async with stage.connect("/") as socket:
            assert (await socket.receive()).type is WSMsgType.CLOSE
        async with stage.connect("/") as socket:
            assert (await socket.receive()).type is WSMsgType.CLOSED
            assert socket.close_code == 1006


async def test_upgrades_are_refused_as_they_were():
    entries = (
        Opening(at=0.0, socket=1, url="ws://h"),
        Refused(at=0.0, socket=1, status=429, words="slowly", retry_after=2.5),
        Opening(at=0.0, socket=2, url="ws://h"),
        Refused(at=0.0, socket=2, status=302, location="/x"),
        Opening(at=0.0, socket=3, url="ws://h"),
        Unreached(at=0.0, socket=3, reason="refused"),
    )
    async with playing(*entries) as stage:
        asked = {"headers": {"Upgrade": "websocket"}, "allow_redirects": False}
        slowly = await stage.get("/", **asked)
        assert (slowly.status, slowly.headers["Retry-After"]) == (429, "2.5")
        assert await slowly.json() == {"message": "slowly"}
        moved = await stage.get("/", **asked)
        assert (moved.status, moved.headers["Location"]) == (302, "/x")
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n")
        assert await reader.read() == b""
        writer.close()


async def test_nothing_is_answered_before_it_was_asked():
    asked = Sent(at=0.0, socket=1, text='{"id":"recorded-id","n":1}')
    answer = received('{"ok":"recorded-id"}')
    async with (
        playing(*opened(1, asked, answer), patience=8) as stage,
        stage.connect("/") as socket,
    ):
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.1)
        await socket.send_str('{"id":"another-id","n":1}')
        assert await told(socket, 1) == ['{"ok":"another-id"}']
        await until(lambda: "played to its end" in stage.said[-1])


async def test_a_client_that_does_not_say_what_it_said_is_waited_for_not_for_ever():
    sent = Sent(at=0.0, socket=1, text="hello")
    entries = opened(1, sent, received("a"), sent, received("b"))
    async with playing(*entries) as stage, stage.connect("/") as socket:
        assert await told(socket, 2) == ["a", "b"]
        words = "socket 1: the client does not say what it said: hello"
        assert stage.said.count(words) == 2


async def test_a_client_that_does_not_leave_where_it_left_is_cut():
    async with playing(*opened(1, closed("client"))) as stage:
        async with stage.connect("/") as socket:
            assert (await socket.receive()).type is WSMsgType.CLOSED
        await until(lambda: stage.said[-1] == "socket 1: ended")
        assert "socket 1: the client did not leave; the line is cut" in stage.said


async def test_pings_are_answered_until_it_was_deaf():
    end = Closed(at=5.0, socket=1, by="client", code=1006, deaf_since=0.2)
    entries = opened(1, received("a"), received("b", 0.3), end)
    async with (
        playing(*entries, speed=1) as stage,
        stage.connect("/", autoping=False) as socket,
    ):
        await told(socket, 1)
        await socket.ping(b"1")
        assert (await socket.receive()).type is WSMsgType.PONG
        assert await told(socket, 1) == ["b"]  # it is deaf now, and speaks
        await socket.ping(b"2")
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.1)


async def test_a_client_that_leaves_gets_its_goodbye_and_the_next_one_the_next():
    entries = (*opened(1, received("a"), received("late", 30)), *opened(2))
    async with playing(*entries, speed=1, loop=True) as stage:
        for _ in range(2):
            async with stage.connect("/") as socket:
                await told(socket, 1)
                await socket.close(code=4000)
                assert socket.close_code == 4000
            async with stage.connect("/"):
                await until(lambda: "socket 2: open" in stage.said)
        assert stage.said.count("socket 2: open") == 2


async def test_http_is_answered_as_it_was_in_its_order_and_the_last_for_ever():
    def answer(number, **more):
        facts = {"method": "GET", "path": "/base/a b", "status": 200 + number}
        return Exchange(at=0.0, answer=f'{{"n":{number}}}', **facts, **more)

    kept = {"headers": {"retry-after": "7"}, "cookies": {"sid": "***1"}}
    async with playing(answer(0), answer(1, **kept), *opened(1)) as stage:
        answers = [await stage.get("/a%20b") for _ in range(3)]
        assert [each.status for each in answers] == [200, 201, 201]
        assert answers[2].headers["retry-after"] == "7"
        assert "***1" in answers[2].cookies["sid"].value
        unknown = await stage.get("/else")
        assert unknown.status == 404
        assert "NOTIFYWS_TOKEN=replay" in await unknown.text()


async def test_only_this_machine_is_answered():
    async with playing(*opened(1)) as stage:
        answer = await stage.get("/", headers={"Host": "evil.example.com"})
        assert answer.status == 403


async def test_the_end_of_the_server_is_the_end_of_its_sockets():
    async with playing(*opened(1)) as stage:
        socket = await stage.connect("/")
        await until(lambda: "socket 1: open" in stage.said)
        ending = asyncio.create_task(socket.receive())
        await stage.server.__aexit__()
        assert (await ending).type is WSMsgType.CLOSED


@pytest.mark.parametrize(
    ("recorded", "said", "found"),
    [
        ('{"id":"aaaaaa","b":["x","bbbbbb"]}', '{"id":"cccccc","b":["y","dddddd"]}', 2),
        ('{"id":"short","n":1}', '{"id":"other","n":2}', 0),
        ('{"t":"***1-masked"}', '{"t":"a real token"}', 0),
        ('{"a":"same-text"}', '{"a":"same-text","b":"more-text"}', 0),
        ('{"a":"aaaaaa"}', '["aaaaab"]', 0),
        ("no JSON", "no JSON either", 0),
        ("[" * 100_000, "[" * 100_000, 0),
    ],
)
def test_what_a_client_calls_by_another_name_is_known_again(recorded, said, found):
    assert len(list(differences(recorded, said))) == found
