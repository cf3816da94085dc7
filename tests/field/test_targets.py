"""Targets that answer at length, hang up, or are sent what only we may say."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.config.settings import Settings
from notifyws.delivery.sinks.forward import BODY_LIMIT, ForwardSink
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification
from tests.support.httpd import Peer, answer, httpd

NOTE = Notification({"type": "t", "title": "T", "id": "n-1"}, "then")
TWO_HUNDRED = b"HTTP/1.1 200 OK\r\n"


def sink(origin: str, **of: object) -> ForwardSink:
    deliver = DeliveryTargets(url=f"{origin}/hook", **of)
    return ForwardSink(deliver, Settings(http_timeout=5.0), lambda: 17.0)


async def posted(story, times: int = 3, **of: object):
    """Post so often; return the server, which knows what reached it."""
    async with httpd(story) as there:
        forward = sink(there.origin, **of)
        for _ in range(times):
            await forward.deliver(NOTE)
        await forward.aclose()
        return there


@pytest.mark.parametrize(
    "reply",
    [
        TWO_HUNDRED + b"Content-Length: 2\r\n\r\nok",
        TWO_HUNDRED + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nbad",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
    ids=["short", "not what it says", "empty"],
)
async def test_the_next_notification_takes_the_same_connection(reply):
    """Seen: each POST made a connection, and with it a handshake of TLS, of its own."""

    async def keeps(peer: Peer):
        for _ in range(3):
            await peer.request()
            await peer.write(reply)

    there = await posted(keeps)
    assert (there.connections, len(there.requests)) == (1, 3)


@pytest.mark.parametrize("rest", [b"x" * (2 * BODY_LIMIT), b"x"], ids=["long", "slow"])
async def test_an_answer_counts_however_long_it_goes_on(rest):
    async def goes_on(peer: Peer):
        await peer.request()
        await peer.write(TWO_HUNDRED + b"Content-Length: 999999999\r\n\r\n" + rest)
        await asyncio.sleep(30)

    async with asyncio.timeout(4):
        there = await posted(goes_on, times=2)
    assert (there.connections, len(there.requests)) == (2, 2)


async def test_a_connection_that_has_died_since_the_last_one_is_no_failure():
    """A server that closes after each answer, and does not say so."""

    async def hangs_up(peer: Peer):
        await peer.request()
        await peer.write(answer(200, Connection="keep-alive"))
        await peer.some()  # the next one has come, and nobody will read it

    there = await posted(hangs_up)
    assert (there.connections, len(there.requests)) == (3, 3)


async def test_a_header_of_the_users_replaces_ours_however_it_is_written():
    """Seen: two of them were sent, and the target believed either."""

    async def keeps(peer: Peer):
        heads.append((await peer.some()).decode().lower())
        await peer.write(answer(200))

    heads: list[str] = []
    headers = {
        "content-type": "application/cloudevents+json",
        "IDEMPOTENCY-KEY": "mine",
        "notifyws-signature": "forged",
    }
    await posted(keeps, times=1, headers=headers, secret="k")
    for name in headers:
        assert heads[0].count(f"\n{name.lower()}:") == 1
    assert "cloudevents" in heads[0]
    assert "mine" in heads[0]
    assert "forged" not in heads[0]


async def test_cookies_of_a_target_are_not_kept():
    """Seen: each answer could make every later request longer, until it was refused."""

    async def baker(peer: Peer):
        for number in range(3):
            await peer.request()
            cookie = f"c{number}={'x' * 3000}; Path=/"
            await peer.write(answer(200, Connection="keep-alive", Set_Cookie=cookie))

    there = await posted(baker)
    assert len(there.requests) == 3
    assert not any("cookie" in each.headers for each in there.requests)


async def test_nothing_that_a_target_says_beside_its_status_is_told():
    """Seen: a header line that is none stood whole in a warning and a dead letter."""

    async def babbles(peer: Peer):
        await peer.request()
        await peer.write(TWO_HUNDRED + b"its own words " * 4000 + b"\r\n\r\n")

    with pytest.raises(DeliveryFailed) as caught:
        await posted(babbles, times=1)
    assert "words" not in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Upgrade"])
def test_where_a_request_ends_is_not_for_a_header_of_the_users(name):
    """Seen: a length of the user's was a bug of ours, and chunks came beside ours."""
    with pytest.raises(ConfigurationError, match=f"cannot set {name}"):
        sink("http://127.0.0.1:9", headers={name: "3"})
