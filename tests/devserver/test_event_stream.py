"""What a page that watches the server is told, and that it costs little."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from notifyws.devserver.event_stream import KEPT, LISTED, LONGEST, Watcher
from notifyws.models import SAMPLES
from tests.devserver.support import TWO, connected, receive, world


class Stream:
    """Events of a stream, each awaited by what it holds."""

    def __init__(self, lines) -> None:
        self._lines = lines
        self.notes = []
        self.sent = {}
        self.states = [{"listeners": [], "live": -1, "mode": {}}]

    async def next(self):
        """Return the next event's name and value."""
        name = ""
        async for line in self._lines:
            field, _, rest = line.partition(": ")
            if field == "event":
                name = rest
            elif field == "data":
                return name, json.loads(rest)
        raise EOFError

    @property
    def state(self):
        return self.states[-1]

    async def until(self, true):
        """Take in events until something is so of what was told."""
        while not true(self):
            name, value = await self.next()
            if name == "state":
                self.states.append(value)
            else:
                self.notes += value["notes"]
                self.sent |= value["sent"]

    async def says(self, words):
        await self.until(lambda one: words in str(one.notes))


@asynccontextmanager
async def watching(one):
    """Give the stream of a page, after its hello."""
    async with one.http.stream("GET", "/_dev/events", timeout=5) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        stream = Stream(answer.aiter_lines())
        stream.hello = await stream.next()
        yield stream


async def test_it_begins_with_what_can_be_sent_and_to_whom():
    async with world(users=TWO) as one, watching(one) as stream:
        name, hello = stream.hello
        assert name == "hello"
        assert hello["users"] == ["ann", "bob"]
        assert hello["samples"] == SAMPLES
        assert hello["url"] == one.server.url


async def test_it_tells_what_was_sent_to_whom():
    async with connected() as (one, _), watching(one) as stream:
        ident = (await one.dev("notify", {"type": "a", "title": "hi"}))["id"]
        await stream.until(lambda seen: ident in seen.sent)
        (note,) = [each for each in stream.notes if each["kind"] == "published"]
        assert (note["type"], note["title"], note["user"]) == ("a", "hi", "demo")
        assert stream.sent[ident]["count"] == 1
        assert stream.sent[ident]["to"] == [stream.state["listeners"][0]["number"]]


async def test_it_tells_who_sent_a_message_and_that_it_went_to_the_others():
    async with connected() as (one, mine), watching(one) as stream:
        async with one.open(await one.token()) as other:
            await mine.send(json.dumps({"type": "ping", "payload": {"message": "x"}}))
            await other.recv()
            await stream.until(lambda seen: seen.sent)
        (note,) = [each for each in stream.notes if each["kind"] == "published"]
        (sent,) = stream.sent.values()
        assert note["origin"] not in sent["to"]


async def test_it_tells_who_listens_and_who_has_gone():
    async with world() as one, watching(one) as stream:
        token = await one.token()
        async with one.open(token, user_agent_header="teapot"):
            await stream.until(lambda seen: seen.state["live"] == 1)
            (listener,) = stream.state["listeners"]
            assert (listener["user"], listener["agent"]) == ("demo", "teapot")
        await stream.until(lambda seen: seen.state["live"] == 0)
        await stream.says("closed 1000: demo")


async def test_it_lists_the_newest_of_many_listeners_and_counts_all():
    async with world() as one, watching(one) as stream:
        token = await one.token()
        sockets = [await one.open(token) for _ in range(LISTED + 1)]
        await stream.until(lambda seen: seen.state["live"] == LISTED + 1)
        numbers = [each["number"] for each in stream.state["listeners"]]
        assert numbers == sorted(numbers, reverse=True)
        assert (len(numbers), numbers[-1]) == (LISTED, 2)
        await asyncio.gather(*(each.close() for each in sockets))


async def test_it_tells_no_token_and_no_password():
    async with world(users={"ann": "sesame"}) as one, watching(one) as stream:
        tokens = await one.login("ann", "sesame")
        await one.refresh(tokens["refreshToken"])
        await stream.says("refresh: 200")
        whole = f"{stream.hello}{stream.states}{stream.notes}"
        for secret in ("sesame", "eyJ", tokens["refreshToken"]):
            assert secret not in whole


async def test_a_trouble_that_ends_by_itself_counts_down_and_leaves_what_lasts():
    async with world() as one, watching(one) as stream:
        mode = {"login_status": 503, "seconds": 0.2, "pace": 0.01}
        await one.dev("mode", mode)
        assert (await one.log_in()).status_code == 503
        await stream.until(lambda seen: seen.state["mode"].get("seconds") == 1)
        await stream.until(lambda seen: seen.state["mode"] == {"pace": 0.01})
        assert await one.token()


async def test_a_slow_server_waits_before_each_notification():
    async with connected() as (one, socket):
        await one.dev("mode", {"pace": 0.05})
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await one.dev("notify", [{"title": "1"}, {"title": "2"}])
        assert [each["title"] for each in await receive(socket, 2)] == ["1", "2"]
        assert loop.time() - begun > 0.09


async def test_it_ends_when_the_server_stops_and_when_its_page_goes():
    async with world() as one:
        async with watching(one):
            pass
        async with watching(one) as stream:
            await one.server.stop()
            with pytest.raises(EOFError):
                await stream.until(lambda seen: False)


def test_a_watcher_that_is_behind_is_told_the_newest_and_how_much_is_left_out():
    watcher = Watcher()
    for ident in range(1, 2 * KEPT + 1):
        watcher.note(0.0, "published", {"title": "x" * 10_000, "id": str(ident)})
        for number in range(1, 10):
            watcher.sent(ident, number)
    told = watcher.take()
    assert [each["id"] for each in told["notes"]] == list(told["sent"])
    assert (len(told["notes"]), told["leftOut"]) == (KEPT, KEPT)
    assert len(told["notes"][-1]["title"]) < LONGEST + 50
    assert told["sent"][str(2 * KEPT)] == {"count": 9, "to": [1, 2, 3, 4, 5]}
    assert watcher.take() is None
