"""A subscription that is refused, or dies on a socket that lives on."""

from __future__ import annotations

import pytest

from notifyws.errors import AuthenticationFailed, NetworkFailed
from notifyws.events import Disconnected, Failure, Gap
from tests.protocol.profiles.stage import Socket, listening, stage, until
from tests.support.httpd import json_answer
from tests.support.profile_scene import scene, telling

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

    return telling(
        lambda socket: subscribes(socket, "news"),
        {"gone": {"code": code, "reason": "insufficient state"}},
    )


brings = telling(
    lambda socket: subscribes(socket, "news"), {"type": "a", "title": "back"}
)


async def test_a_subscription_that_dies_is_made_anew_with_a_gap(tmp_path):
    """centrifugal/centrifuge, UnsubscribeCodeInsufficient: subscribe anew."""
    profile = written(tmp_path, HEAD, SUBSCRIBE, RULES)
    async with scene(profile, unsubscribed(2500), brings) as seen:
        await until(lambda: seen.found)
        await until(lambda: any(isinstance(each, Gap) for each in seen.events))
        (lost,) = (each for each in seen.events if isinstance(each, Disconnected))
        assert lost.reason == "the server ended the subscription: insufficient state"


async def test_a_subscription_that_the_server_ends_for_good_is_said_and_the_end(
    tmp_path,
):
    """centrifugal/centrifuge, UnsubscribeCodeServer: 2000 is not made anew."""
    profile = written(tmp_path, HEAD, SUBSCRIBE, RULES)
    async with scene(profile, unsubscribed(2000)) as seen:
        with pytest.raises(NetworkFailed, match="ended the subscription: insuff"):
            await seen.service.closed()
        assert seen.events[-1].reason.endswith("insufficient state")
        assert len(seen.server.sockets) == 1


async def test_each_of_several_channels_is_subscribed_to(tmp_path):
    story = telling(
        lambda socket: subscribes(socket, "news", "alerts"),
        {"type": "a", "title": "both"},
    )
    profile = written(tmp_path, HEAD, SUBSCRIBE, RULES)
    async with scene(profile, story, variables="channels='news, alerts'") as seen:
        await until(lambda: seen.found)


refuses = telling(
    Socket.hears, {"subscribed": None, "error": {"code": 103, "message": "denied"}}
)


refuses_the_first = telling(
    Socket.hears,
    {"error": {"code": 103, "message": "denied"}},
    {"type": "a", "title": "on"},
)


async def test_a_refused_default_is_said_once_and_the_listener_goes_on(tmp_path):
    optional = SUBSCRIBE.replace("[handshake]]", "[handshake]]\noptional = true", 1)
    profile = written(tmp_path, HEAD, optional, RULES)
    async with scene(profile, refuses_the_first) as seen:
        await until(lambda: seen.found)
        said = [each.message for each in seen.events if isinstance(each, Failure)]
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
    async with scene(profile, story, answers=answers) as seen:
        await until(lambda: seen.found)


async def test_what_stands_in_a_frame_beside_an_awaited_one_is_not_lost(tmp_path):
    """A server may answer a subscription and push what is new in one frame."""

    story = telling(Socket.hears, '{"subscribed":1}\n{"type":"a","title":"with it"}\n')
    profile = written(tmp_path, HEAD, SUBSCRIBE, RULES)
    async with scene(profile, story) as seen:
        await until(lambda: seen.found)
