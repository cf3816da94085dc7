"""Sinks and queues as they are put together, and the durable service."""

from __future__ import annotations

import asyncio
import json

import pytest

from notifyws import NotificationService
from notifyws.auth.authenticator import Authenticator
from notifyws.clock import real_clock
from notifyws.config.settings import Settings
from notifyws.delivery.build import (
    build_shared_cursor,
    build_sinks,
    build_socket_sender,
    checked_name,
    frame_of,
)
from notifyws.delivery.dead_letters import replay
from notifyws.delivery.outbox_records import DeadLetter, ListenerPosition
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import ConfigurationError, MessageRejected, UsageError
from notifyws.models import Message
from notifyws.protocol.arrivals import ServerError
from tests.support.dev import collect, dev, until
from tests.support.target import target

pytestmark = pytest.mark.usefixtures("alone")


def sinks(deliver):
    return build_sinks(Settings(), deliver, real_clock(), pytest.fail)


def test_sinks_are_those_that_are_asked_for():
    assert sinks(DeliveryTargets()) == []
    both = sinks(DeliveryTargets(command="true", url="https://x/y"))
    assert [sink.name for sink in both] == ["exec", "forward"]


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "http://[::1", "x", "http://a:0"]
)
def test_a_target_is_an_http_url(url):
    with pytest.raises(ConfigurationError, match="http:// or https://"):
        sinks(DeliveryTargets(url=url))


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb", "\x1b[31m"])
def test_a_name_is_something_that_can_be_said(name):
    with pytest.raises(UsageError, match="listener's name"):
        checked_name(name)
    assert checked_name("my desk/1") == "my desk/1"


async def test_a_durable_service_resumes_where_it_stopped():
    async with dev() as server:
        async with NotificationService(server.settings(), name="desk") as service:
            await service.connect()
            await server.notify("1")
            assert await collect(service, 1) == ["1"]
        await server.notify("2", "3")
        async with NotificationService(server.settings(), name="desk") as service:
            await service.connect()
            assert await collect(service, 2) == ["2", "3"]
            assert service.listener.backlog == {}
            await service.listener.delivered()


async def test_a_service_hands_on_and_says_what_waits():
    async with dev() as server:
        with target() as there:
            there.answers = [500]
            settings = server.settings(hand_on_delays=(0.3,))
            deliver = DeliveryTargets(url=there.url)
            async with NotificationService(settings, deliver=deliver) as service:
                await service.connect()
                await server.notify("1")
                await until(lambda: there.posted)
                assert service.listener.backlog["forward"].count == 1
                await service.listener.delivered()
                assert service.listener.backlog["forward"].count == 0
            assert len(there.posted) == 2


async def test_a_service_that_connects_again_is_given_nothing_twice():
    async with dev() as server:
        heard = []
        async with NotificationService(server.settings(), name="desk") as service:
            service.on("message")(heard.append)
            for text in ("1", "2"):
                await service.connect()
                await server.notify(text)
                await until(lambda: service.listener.received >= 1)
                await service.disconnect()
                await server.notify(f"while away after {text}")
            await service.connect()
            await until(lambda: service.listener.received == 1)
        assert [each.message for each in heard] == [
            "1",
            "while away after 1",
            "2",
            "while away after 2",
        ]
        async with NotificationService(server.settings(), name="desk") as service:
            await service.connect()
            await server.notify("3")
            assert await asyncio.wait_for(collect(service, 1), 5) == ["3"]


async def test_a_service_resumes_where_another_host_stopped(tmp_path, clean_valkey):
    there = DeliveryTargets(command="true")
    async with dev() as server:
        settings = server.settings(cache_url=clean_valkey.url)
        for text, host in (("1", "here"), ("2", "there"), ("3", "here")):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("XDG_STATE_HOME", str(tmp_path / host))
                async with NotificationService(
                    settings, name="desk", deliver=there
                ) as service:
                    await server.notify(text)
                    await service.connect()
                    if text == "1":
                        await server.notify("and")
                        assert await collect(service, 1) == ["and"]
                    else:
                        assert await collect(service, 1) == [text]


async def test_what_nobody_read_is_there_for_the_next_service():
    async with dev() as server:
        async with NotificationService(server.settings(), name="desk") as service:
            service.start()
            await until(lambda: service.is_connected)
            await server.notify("1", "2")
            await until(lambda: service.listener.received == 2)
        async with NotificationService(server.settings(), name="desk") as service:
            await service.connect()
            assert await collect(service, 2) == ["1", "2"]


async def test_a_place_that_says_little_is_taken_for_what_it_says(clean_valkey):
    async with dev() as server:
        settings = server.settings(cache_url=clean_valkey.url)
        auth = Authenticator(settings, pytest.fail)
        shared = build_shared_cursor(auth, "desk")
        await shared.write(ListenerPosition(moved_at=9e9))
        await auth.aclose()
        async with NotificationService(settings, name="desk") as service:
            await service.connect()
            await server.notify("1")
            assert await collect(service, 1) == ["1"]


@pytest.fixture
def letters(tmp_path):
    path = tmp_path / "dead.jsonl"
    rows = [
        DeadLetter("exec", "no", 1, "then", '{"type":"t","title":"1"}'),
        DeadLetter("forward", "no", 1, "then", '{"type":"t","title":"2"}'),
    ]
    path.write_text("".join(f"{row.as_line()}\n" for row in rows))
    return path


ALL, MEANT = ["1", "2"], ["2"]


@pytest.mark.parametrize(("command", "posted"), [("", ALL), ("true", MEANT)])
async def test_a_replay_gives_letters_to_whom_they_were_meant_for_or_the_only_sink(
    letters, command, posted
):
    with target() as there:
        deliver = DeliveryTargets(url=there.url, command=command, tell=pytest.fail)
        assert await replay(letters, Settings(), deliver, pytest.fail) == 2
        assert [each.title for each in there.posted] == posted
    assert not letters.exists()


async def test_what_is_refused_again_or_nobody_s_stays(letters):
    text = letters.read_text().replace('"forward"', '"notify"')
    letters.write_text(text)
    deliver = DeliveryTargets(url="http://127.0.0.1:1", command="false")
    warnings = []
    with pytest.raises(MessageRejected, match="2 of 2 dead letters"):
        await replay(
            letters, Settings(hand_on_delays=(0.01,)), deliver, warnings.append
        )
    left = map(json.loads, letters.read_text().splitlines())
    assert sorted(each["sink"] for each in left) == ["exec", "notify"]
    stays, begun, refused = warnings
    assert "notify stays" in stays
    assert "it is tried again" in begun
    assert "did not take a notification again" in refused


async def test_a_replay_to_nobody_is_refused(letters):
    with pytest.raises(UsageError, match="somebody to hand on to"):
        await replay(letters, Settings(), DeliveryTargets(), pytest.fail)


@pytest.mark.parametrize("profile", ["pusher", "centrifugo", "directus-graphql"])
def test_an_error_of_a_server_that_takes_no_messages_blames_none(profile):
    auth = Authenticator(Settings(url="ws://x", profile=profile), pytest.fail)
    build_socket_sender(auth, lambda: None).server_error(ServerError("no", None))
    with pytest.raises(ConfigurationError, match="does not say how to send"):
        frame_of(auth, Message("x"))
