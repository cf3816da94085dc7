"""nginx with nchan, as its source says it answers and as it was heard to answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from notifyws.errors import AuthenticationFailed, ConnectionLost, NetworkFailed
from notifyws.events import Disconnected
from notifyws.protocol.failures import FailureClassifier
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse
from tests.protocol.profiles.stage import Socket, listening, stage, until
from tests.support.httpd import answer, httpd
from tests.support.profile_scene import cutting, scene, telling

META = {"Sec_WebSocket_Protocol": "ws+meta.nchan"}
PROFILE = parse(*profile_text("nchan"))


def note(ident: str, body: object, kind: str = "application/json") -> str:
    text = body if isinstance(body, str) else json.dumps(body)
    return f"id: {ident}\ncontent-type: {kind}\n\n{text}"


stays = telling(note("2:0", {"title": "back"}))


@pytest.mark.parametrize(
    ("code", "reason", "verdict"),
    [
        (1001, "410 Gone", "strike"),
        (1001, "410 Channel Deleted", "strike"),
        (1000, "410 Gone", "strike"),
        (1000, "408 408 Request Timeout", "retry now"),
        (1000, "409 409 Conflict", "retry"),
        (1008, "403 Forbidden", "renew"),
        (1008, "Publish", "stop"),
        (1011, "500 Internal Server Error", "retry"),
        (1011, "507 Insufficient Storage", "retry"),
        (1006, "", "retry"),
    ],
)
def test_a_published_close_means_what_nginx_means(code, reason, verdict):
    """slact/nchan, src/subscribers/websocket.c: websocket_respond_status."""
    classifier = FailureClassifier(PROFILE.closes, PROFILE.statuses)
    assert classifier.of(ConnectionLost(code, reason)).value == verdict


@pytest.mark.parametrize("status", [401, 403])
async def test_whoever_may_not_listen_is_told_that_a_token_is_wanted(status):
    """slact/nchan, README, "Securing Channels": nginx answers for whom it asks."""

    async def story(peer):
        await peer.request()
        await peer.write(answer(status))

    async with httpd(story) as server:
        with pytest.raises(AuthenticationFailed) as caught:
            async with listening(server, "nchan", variables="channel=news"):
                pass
    assert "wants a token" in caught.value.message
    assert "NOTIFYWS_TOKEN" in caught.value.hint


async def test_when_it_was_sent_is_nchans_own_word():
    """Seen: a publisher's appointment of tomorrow decided what was too old."""
    body = {"title": "appointment", "timestamp": "2099-01-01T00:00:00Z"}
    story = telling(note("1705314600:0", body))
    async with scene("nchan", story, upgrade=META, variables="channel=news") as seen:
        await until(lambda: seen.found)
        assert seen.found[0].timestamp == "2024-01-15T10:30:00.000Z"
        assert seen.found[0].data == body


async def test_a_reload_of_nginx_does_not_end_a_listener():
    """slact/nchan, src/store/memory/memstore.c: memstore_reap_chanhead says "410 Gone"
    to all that listen when a worker exits."""

    async def reloaded(socket: Socket) -> None:
        await socket.say(note("1:0", {"title": "before"}))
        await socket.peer.close(1001, "410 Gone")

    async with scene(
        "nchan", reloaded, stays, upgrade=META, variables="channel=news"
    ) as seen:
        await until(lambda: len(seen.found) == 2)
        assert [each.title for each in seen.found] == ["before", "back"]
        assert seen.server.sockets[1].request.headers["last-event-id"] == "1:0"
        (lost,) = (each for each in seen.events if isinstance(each, Disconnected))
        assert lost.reason == "410 Gone"


async def test_a_channel_that_goes_again_and_again_is_the_end():
    async def gone(socket: Socket) -> None:
        await socket.peer.close(1001, "410 Gone")

    async with stage({}, gone, **META) as server:
        with pytest.raises(NetworkFailed, match="410 Gone") as caught:
            async with listening(server, "nchan", variables="channel=news") as seen:
                await seen[0].closed()
    assert (caught.value.exit_code, len(server.sockets)) == (5, 3)


async def test_a_listener_whose_time_is_up_comes_back_at_once():
    """slact/nchan, README: nchan_subscriber_timeout."""

    async def times_out(socket: Socket) -> None:
        await asyncio.sleep(0.01)
        await socket.peer.close(1000, "408 408 Request Timeout")

    async with scene(
        "nchan",
        times_out,
        stays,
        upgrade=META,
        variables="channel=news",
        retry_delays=(30.0,),
    ) as seen:
        await until(lambda: seen.found)


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ('channel="news,alerts"', "/sub/news%2Calerts"),
        ("channel=news/alerts subscribe=multisub", "/multisub/news%2Falerts"),
    ],
)
async def test_several_channels_are_one_path_as_nginx_splits_it(variables, path):
    """slact/nchan, README, "Channel Multiplexing"; ids then tell of every channel."""
    async with scene(
        "nchan",
        cutting(note("1795721287:[0],-", {"title": "one"}), after=0.02),
        stays,
        upgrade=META,
        variables=variables,
    ) as seen:
        await until(lambda: len(seen.found) == 2)
        asked = [each.request for each in seen.server.sockets]
        assert [each.target for each in asked] == [path, path]
        assert asked[1].headers["last-event-id"] == "1795721287:[0],-"


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("text/plain", "plain text", "plain text"),
        ("application/json", "42", "42"),
        ("application/json", '"quoted"', "quoted"),
        ("application/json", '{"text": "in an object"}', "in an object"),
        ("application/json", '["a"]', ""),
    ],
)
async def test_what_is_published_may_be_any_text(kind, body, message):
    story = telling(note("1:0", body, kind))
    async with scene("nchan", story, upgrade=META, variables="channel=news") as seen:
        await until(lambda: seen.found)
        assert (seen.found[0].message, seen.found[0].data is not None) == (
            message,
            True,
        )
