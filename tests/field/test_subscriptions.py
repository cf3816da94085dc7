"""A subscription that is refused, or dies on a socket that lives on."""

from __future__ import annotations

import pytest

from notifyws.errors import AuthenticationFailed, NetworkFailed
from notifyws.events import Disconnected, Failure, Gap
from tests.protocol.profiles.stage import Socket, listening, stage, until
from tests.support.httpd import json_answer

HEAD = """
name = "channels"
[constants]
channels = "news"
[socket]
token_in = "none"
"""
SUBSCRIBE = """
[[handshake]]
each = "channels"
send = { subscribe = "{channels}" }
expect = "subscribed"
[[handshake.fail]]
when = "error"
means = "stop"
code = "error.code"
message = "error.message"
"""
RULES = """
[[rules]]
when = "gone"
then = "unsubscribed"
code = "gone.code"
message = "gone.reason"
[[rules]]
when = "error"
then = "error"
message = "error.message"
[[rules]]
then = "notification"
[closes]
"2000-2499" = "stop"
"2500-2999" = "retry"
"4100-4199" = "renew"
"""


def written(tmp_path, *parts: str, name: str = "p.toml") -> str:
    path = tmp_path / name
    path.write_text("".join(parts))
    return str(path)


async def subscribes(socket: Socket, *channels: str) -> None:
    for channel in channels:
        assert (await socket.hears())["subscribe"] == channel
        await socket.say({"subscribed": channel})


def unsubscribed(code: int):
    """Return a server that ends the subscription with this code, and stays."""

    async def story(socket: Socket) -> None:
        await subscribes(socket, "news")
        await socket.say({"gone": {"code": code, "reason": "insufficient state"}})
        await socket.stay()

    return story


async def brings(socket: Socket) -> None:
    await subscribes(socket, "news")
    await socket.say({"type": "a", "title": "back"})
    await socket.stay()


async def test_a_subscription_that_dies_is_made_anew_with_a_gap(tmp_path):
    """centrifugal/centrifuge, UnsubscribeCodeInsufficient: subscribe anew."""
    profile = written(tmp_path, HEAD, SUBSCRIBE, RULES)
    async with (
        stage({}, unsubscribed(2500), brings) as server,
        listening(server, profile) as (_, notifications, events),
    ):
        await until(lambda: notifications)
        await until(lambda: any(isinstance(each, Gap) for each in events))
        (lost,) = (each for each in events if isinstance(each, Disconnected))
        assert lost.reason == "the server ended the subscription: insufficient state"


async def test_a_subscription_that_the_server_ends_for_good_is_said_and_the_end(
    tmp_path,
):
    """centrifugal/centrifuge, UnsubscribeCodeServer: 2000 is not made anew."""
    profile = written(tmp_path, HEAD, SUBSCRIBE, RULES)
    async with (
        stage({}, unsubscribed(2000)) as server,
        listening(server, profile) as (service, _, events),
    ):
        with pytest.raises(NetworkFailed, match="ended the subscription: insuff"):
            await service.closed()
        assert events[-1].reason.endswith("insufficient state")
        assert len(server.sockets) == 1


async def test_each_of_several_channels_is_subscribed_to(tmp_path):
    async def story(socket: Socket) -> None:
        await subscribes(socket, "news", "alerts")
        await socket.say({"type": "a", "title": "both"})
        await socket.stay()

    profile = written(tmp_path, HEAD, SUBSCRIBE, RULES)
    async with (
        stage({}, story) as server,
        listening(server, profile, variables="channels='news, alerts'") as seen,
    ):
        await until(lambda: seen[1])


async def refuses(socket: Socket) -> None:
    await socket.hears()
    await socket.say({"subscribed": None, "error": {"code": 103, "message": "denied"}})
    await socket.stay()


async def refuses_the_first(socket: Socket) -> None:
    await socket.hears()
    await socket.say({"error": {"code": 103, "message": "denied"}})
    await socket.say({"type": "a", "title": "on"})
    await socket.stay()


async def test_a_refused_default_is_said_once_and_the_listener_goes_on(tmp_path):
    optional = SUBSCRIBE.replace("[handshake]]", "[handshake]]\noptional = true", 1)
    profile = written(tmp_path, HEAD, optional, RULES)
    async with (
        stage({}, refuses_the_first) as server,
        listening(server, profile) as (_, notifications, events),
    ):
        await until(lambda: notifications)
        said = [each.message for each in events if isinstance(each, Failure)]
        assert said == ["denied"]


async def test_what_the_user_asked_for_and_is_refused_is_an_error_in_its_words(
    tmp_path,
):
    optional = SUBSCRIBE.replace("[handshake]]", "[handshake]]\noptional = true", 1)
    profile = written(tmp_path, HEAD, optional, RULES)
    async with stage({}, refuses) as server:
        with pytest.raises(NetworkFailed, match="refused the handshake: denied"):
            async with listening(server, profile, variables="channels=mine"):
                pass


HANGS_UP = """
[[handshake]]
send = { token = "{access_token}" }
expect = "ok"
closed = "renew"
[[rules]]
then = "notification"
"""


async def test_a_cut_by_which_a_server_refuses_a_token_is_no_network_error(tmp_path):
    """mattermost/mattermost, websocket_router.go: it closes without a word."""

    async def story(socket: Socket) -> None:
        await socket.hears()

    profile = written(tmp_path, HEAD, HANGS_UP)
    async with stage({}, story) as server:
        with pytest.raises(AuthenticationFailed):
            async with listening(server, profile, token="bad"):
                pass
        assert len(server.sockets) == 1


SIGNED = """
[[handshake]]
expect = "hello"
capture = { sid = "hello" }
[[handshake]]
each = "channels"
send = { subscribe = "{channels}", auth = "{auth}" }
expect = "subscribed"
[handshake.http]
path = "/broadcasting/auth"
form = { socket_id = "{sid}", channel_name = "{channels}" }
capture = { auth = "auth" }
[[rules]]
then = "notification"
"""


async def test_a_subscription_may_be_signed_by_an_endpoint(tmp_path):
    """Pusher's private channels: an endpoint signs "socket_id:channel_name"."""

    async def story(socket: Socket) -> None:
        await socket.say({"hello": "1.2"})
        said = await socket.hears()
        assert said == {
            "subscribe": "news",
            "auth": "key:socket_id=1.2&channel_name=news",
        }
        await socket.say({"subscribed": "news"})
        await socket.say({"type": "a", "title": "private"})
        await socket.stay()

    answers = {
        "POST /broadcasting/auth": lambda request: json_answer(
            {"auth": f"key:{request.body.decode()}"}
        )
    }
    profile = written(tmp_path, HEAD, SIGNED)
    async with (
        stage(answers, story) as server,
        listening(server, profile) as (_, notifications, _events),
    ):
        await until(lambda: notifications)


async def test_what_stands_in_a_frame_beside_an_awaited_one_is_not_lost(tmp_path):
    """A server may answer a subscription and push what is new in one frame."""

    async def story(socket: Socket) -> None:
        await socket.hears()
        await socket.say('{"subscribed":1}\n{"type":"a","title":"with it"}\n')
        await socket.stay()

    profile = written(tmp_path, HEAD, SUBSCRIBE, RULES)
    async with (
        stage({}, story) as server,
        listening(server, profile) as (_, notifications, _events),
    ):
        await until(lambda: notifications)
