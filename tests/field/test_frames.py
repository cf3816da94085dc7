"""What servers put into frames: nothing of it is lost, and the future is no mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notifyws.delivery.build import build_rules
from notifyws.events import Failure
from notifyws.models import Notification
from notifyws.protocol.arrivals import Ignored, Many, notifications
from notifyws.protocol.loader import read_profile
from tests.protocol.profiles.stage import Socket, until
from tests.support.httpd import BINARY
from tests.support.profile_scene import scene, telling

NOW = "2026-01-02T03:04:05.000Z"

ITEMS = {
    "default": {"type": "t", "data": {"a": "S1"}, "extra": ["S2"], "id": "S3"},
    "ntfy": {
        **{"id": "S1", "time": 1700000000, "event": "message", "topic": "S2"},
        **{"message": "S3", "title": "S4", "priority": 5, "tags": ["S5"]},
        **{"click": "S6", "icon": "S7", "content_type": "S8", "expires": 1700000001},
        "actions": [{"id": "S9", "action": "view", "url": "S10"}],
        "attachment": {"name": "S11", "url": "S12", "size": 1700000002},
    },
    "gotify": {
        **{"id": 1700000003, "appid": 1700000004, "message": "S1", "title": "S2"},
        **{"priority": 8, "date": "2026-01-01T00:00:00Z"},
        "extras": {"S3": {"click": {"url": "S4"}, "S5": "S6"}},
    },
    "mattermost": {
        "event": "posted",
        "data": {
            **{"channel_display_name": "S1", "channel_name": "S2", "sender_name": "S3"},
            **{"channel_type": "S4", "team_id": "S5", "mentions": '["S6"]'},
            "post": json.dumps({"id": "S7", "message": "S8", "props": {"S9": "S10"}}),
        },
        "broadcast": {"channel_id": "S11"},
        "seq": 1700000005,
    },
    "pusher": {
        **{"event": "S1", "channel": "S2", "user_id": "S3"},
        "data": '{"id":"S4","message":"S5","title":"S6","deep":{"S7":["S8"]}}',
    },
    "centrifugo": {
        "push": {
            "channel": "S1",
            "pub": {
                "data": {"title": "S2", "text": "S3", "id": "S4", "S5": "S6"},
                **{"offset": 1700000006, "info": {"user": "S7"}, "tags": {"S8": "S9"}},
            },
        }
    },
    "directus": {
        **{"type": "subscription", "event": "create", "uid": "notifyws"},
        "data": [{"id": 1700000007, "subject": "S1", "message": "S2", "sender": "S3"}],
    },
    "home-assistant": {
        **{"id": 3, "type": "event"},
        "event": {
            **{"event_type": "notifyws_event", "origin": "S1", "time_fired": "S2"},
            **{"data": {"title": "S3", "S4": "S5"}, "context": {"id": "S6", "user": 7}},
        },
    },
    "directus-graphql": {
        **{"type": "next", "id": "notifyws"},
        "payload": {
            "data": {
                "directus_notifications_mutated": {
                    "key": "S1",
                    "event": "S2",
                    "data": {"id": "S3", "subject": "S4", "message": "S5"},
                }
            }
        },
    },
}


def leaves(value: Any) -> set[str]:
    """Return the sentinels in a value."""
    if isinstance(value, dict):
        return set[str]().union(*map(leaves, value.values()), *map(leaves, value))
    if isinstance(value, list):
        return set[str]().union(*map(leaves, value))
    if isinstance(value, str) and value[:1] in ("{", "["):
        return leaves(json.loads(value))
    told = isinstance(value, str) and value[:1] == "S" and value[1:].isdigit()
    return {str(value)} if told or (isinstance(value, int) and value > 1e9) else set()


@pytest.mark.parametrize("name", ITEMS)
def test_nothing_that_the_server_sent_is_unreachable_from_json(name):
    """binwiederhier/ntfy: actions, icon, content_type, click and attachment."""
    rules = build_rules(read_profile(name))
    (found,) = notifications(rules.read(json.dumps(ITEMS[name]), NOW))
    there = leaves(json.loads(found.line()))
    if "time" in ITEMS[name]:
        there.add("1700000000")  # as its timestamp
    assert leaves(ITEMS[name]) <= there


FUTURE = {
    "ntfy": [{"event": each, "topic": "t"} for each in ("message_delete", "brand_new")],
    "mattermost": [
        {"event": "brand_new", "data": {}},
        {"status": "OK", "seq_reply": 1},
    ],
    "pusher": [
        {"event": "pusher:brand_new", "data": {}},
        {"event": "pusher_internal:brand_new", "channel": "c"},
    ],
    "centrifugo": [
        {"push": {"channel": "c", "brand_new": {}}},
        {"id": 5, "brand_new": {}},
    ],
    "home-assistant": [{"id": 1, "type": "brand_new"}],
    "directus": [{"type": "brand_new"}, {"type": "subscription", "event": "brand_new"}],
    "directus-graphql": [{"type": "brand_new"}],
    "gotify": [],
}


@pytest.mark.parametrize(
    ("name", "frame"), [(name, each) for name in FUTURE for each in FUTURE[name]]
)
def test_an_event_of_the_future_is_ignored(name, frame):
    """binwiederhier/ntfy: message_delete and message_clear came that way."""
    rules = build_rules(read_profile(name))
    assert rules.read(json.dumps(frame), NOW) in (Ignored(), Many(()))


async def test_a_hundred_thousand_values_that_are_no_notifications_are_said_once():
    """A frame of 1 MiB holds half a million numbers."""

    story = telling("[" + "1," * 100_000 + "1]", {"type": "a"})
    async with scene("default", story, token="t") as seen:
        await until(lambda: seen.found)
        (said,) = (each for each in seen.events if isinstance(each, Failure))
        assert "100001 in one frame" in said.message


ONE, TWO = '{"type":"a","title":"one ü"}', '{"type":"a","title":"two"}'


@pytest.mark.parametrize(
    "frame",
    [f"{ONE}\n{TWO}\n", f"{ONE}{TWO}", f"[{ONE},{TWO}]", f"[{ONE}]\r\n[{TWO}]"],
    ids=["lines", "side by side", "a list", "lists"],
)
@pytest.mark.parametrize("binary", [False, True])
async def test_several_notifications_in_a_frame_all_arrive(frame, binary):
    """gorilla/websocket, examples/chat/client.go: queued messages share a frame."""

    async def story(socket: Socket) -> None:
        if binary:
            await socket.peer.frame(BINARY, frame.encode())
        else:
            await socket.say(frame)
        await socket.stay()

    async with scene("default", story, token="t") as seen:
        await until(lambda: len(seen.found) == 2)
        assert all(isinstance(each, Notification) for each in seen.found)
        assert [each.title for each in seen.found] == ["one ü", "two"]
