"""The library against the real development server."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from contextlib import suppress

import pytest

from notifyws import NotificationService, load_settings
from notifyws.config.settings import Settings
from notifyws.errors import (
    AuthenticationFailed,
    ConfigurationError,
    MessageRejected,
    MessageUnconfirmed,
    NetworkFailed,
    UsageError,
)
from notifyws.models import Frame, Notification
from tests.support.dev import PASSWORD, USER, collect, dev, settings_for, until
from tests.support.httpd import TEXT, answer, httpd, json_answer, silence

pytestmark = pytest.mark.usefixtures("alone")


def listening(service, *events):
    """Return the list that what handlers are told goes to."""
    heard = []
    for event in events:
        service.on(event)(lambda *facts, event=event: heard.append((event, *facts)))
    return heard


# As the page about the library says


async def test_the_example_runs_as_printed(monkeypatch):
    async with dev() as server:
        monkeypatch.setenv("WEBSOCKET_SERVER_URL", server.url)
        monkeypatch.setenv("WEBSOCKET_USERNAME", USER)
        monkeypatch.setenv("WEBSOCKET_PASSWORD", PASSWORD)
        shown, seen = [], []
        async with NotificationService(load_settings()) as service:

            @service.on("message")
            async def show(notification):
                shown.append(notification.title)

            await service.connect_with_retry()
            sent = await service.send(
                {
                    "type": "custom_event",
                    "payload": {"eventType": "trip_started", "tripId": "123"},
                }
            )
            await server("notify", type="trip_update", title="Trip Started")
            async for notification in service:
                seen.append(notification)
                break
        assert sent.status == "delivered"
        assert (await server.until(received=1, live=0))["received"] == 1
    assert shown == ["Trip Started"]
    assert (seen[0].type, seen[0].title) == ("trip_update", "Trip Started")


async def test_handlers_of_every_event_plain_or_async_are_told_in_order():
    async with dev() as server, server.service() as service:
        heard = listening(service, "connected", "disconnected", "error")

        @service.on("message")
        async def message(notification):
            await asyncio.sleep(0)
            heard.append(("message", notification.message))

        @service.on("reconnecting")
        def reconnecting(attempt, delay):
            heard.append(("reconnecting", attempt, 0 < delay <= 0.01))

        assert service.on("message")(message) is message
        await service.connect_with_retry()
        await server.notify("one")
        await server("raw", text="not JSON")
        await server("cut", code=1012, reason="soon back")
        await until(lambda: heard.count(("connected",)) == 2)
        await server.notify("two")
        await until(lambda: ("message", "two") in heard)
    errors = [facts[1] for facts in heard if facts[0] == "error"]
    assert [error.type for error in errors] == ["invalid_message"]
    names = [facts[0] for facts in heard]
    assert names == [
        *("connected", "message", "message", "error"),
        *("disconnected", "reconnecting", "connected", "message", "message"),
        "disconnected",
    ]
    assert ("disconnected", 1012, "soon back") in heard
    assert ("reconnecting", 1, True) in heard
    assert heard[-1] == ("disconnected", 1000, "")


# Iterating


async def test_an_iteration_ends_when_the_service_is_disconnected():
    async with dev() as server, server.service() as service:
        await service.connect()
        await server.notify("one", "two", "three")

        @service.on("message")
        async def slow(notification):
            await asyncio.sleep(0.02)

        async def take():
            return [notification.message async for notification in service]

        await until(lambda: service.listener.received == 3)
        taking = asyncio.create_task(take())
        await asyncio.sleep(0)
        await service.disconnect()
        assert await asyncio.wait_for(taking, 2) == ["one", "two", "three"]


async def test_an_iteration_ends_with_why_the_connection_ended():
    async with dev() as server, server.service() as service:
        await service.connect()
        await server("cut", code=4500, reason="for good")
        with pytest.raises(NetworkFailed) as caught:
            async for _ in service:
                pass
        assert "for good" in caught.value.message
        with pytest.raises(NetworkFailed):
            await service.closed()


async def test_a_bug_below_ends_what_arrives_and_is_the_error():
    def broken(event):
        raise KeyError(event.name)

    async with dev() as server, server.service() as client:
        client.listener.observers.append(broken)
        client.start()
        assert [burst async for burst in client.arrivals()] == []
        with pytest.raises(KeyError):
            await client.closed()


# Connecting


async def test_connect_tries_once_and_does_not_come_back():
    async with dev() as server, server.service() as service:
        heard = listening(service, "disconnected", "reconnecting")
        assert service.connection_state == "disconnected"
        await service.connect()
        assert service.is_connected
        assert service.connection_state == "connected"
        assert service.token.source == "login"
        await server("cut")
        with pytest.raises(NetworkFailed):
            await service.closed()
        await until(lambda: heard)
        assert not service.is_connected
        assert service.connection_state == "disconnected"
        assert (await server.stats())["connections"] == 1
    assert [facts[:2] for facts in heard] == [("disconnected", 1006)]


async def test_a_connect_that_failed_can_be_tried_again_and_all_works():
    async with dev() as server, server.service() as service:
        await server("mode", upgrade_status=503)
        with pytest.raises(NetworkFailed):
            await service.connect()
        await server("mode")
        await service.connect()
        await server.notify("one")
        assert await collect(service, 1) == ["one"]
        await service.disconnect()
        await service.connect()
        await server.notify("two")
        assert await collect(service, 1) == ["two"]


async def test_connect_with_retry_returns_once_connected():
    async with dev() as server, server.service() as service:
        heard = listening(service, "reconnecting", "connected")
        await server("mode", upgrade_status=503)
        connecting = asyncio.create_task(service.connect_with_retry())
        await until(lambda: len(heard) >= 2)
        assert service.connection_state in ("reconnecting", "connecting")
        assert not service.is_connected
        assert not connecting.done()
        with pytest.raises(NetworkFailed):
            await service.send({"type": "x"})
        await server("mode")
        await connecting
        assert service.is_connected
        await until(lambda: ("connected",) in heard)


async def test_connect_with_retry_gives_up_when_max_retries_is_over():
    async with dev() as server, server.service(max_retries=2) as service:
        await server("mode", upgrade_status=503)
        with pytest.raises(NetworkFailed):
            await service.connect_with_retry()
        assert (await server.stats())["refusedUpgrades"] == 3


async def test_connecting_twice_is_refused():
    async with dev() as server, server.service() as service:
        await service.connect()
        with pytest.raises(UsageError) as caught:
            await service.connect()
        assert caught.value.message == "already connected"
        assert service.is_connected


async def test_what_is_missing_is_said_before_anything_is_tried():
    async with NotificationService(Settings()) as service:
        with pytest.raises(ConfigurationError):
            await service.connect_with_retry()
        assert service.connection_state == "disconnected"


async def test_a_wrong_password_ends_it_with_authentication_failed():
    async with dev() as server, server.service(password="wrong") as service:
        heard = listening(service, "error")
        with pytest.raises(AuthenticationFailed) as caught:
            await service.connect_with_retry()
        assert (await server.stats())["failedLogins"] == 1
        await until(lambda: heard)
    assert caught.value.exit_code == 4
    assert heard[0][1].type == "authentication_failed"


async def test_disconnecting_says_1000_and_may_be_said_again():
    async with dev() as server, server.service() as service:
        await service.disconnect()
        await service.connect()
        await service.disconnect()
        await service.disconnect()
        assert service.connection_state == "disconnected"
        seen = await server.until(live=0)
        assert [each["code"] for each in seen["closes"]] == [1000]
        with pytest.raises(NetworkFailed):
            await service.send({"type": "x"})


async def test_leaving_the_block_disconnects():
    async with dev() as server:
        with suppress(ZeroDivisionError):
            async with server.service() as service:
                await service.connect()
                raise ZeroDivisionError
        assert (await server.until(live=0))["closes"][0]["code"] == 1000
        assert not service.is_connected


async def test_a_handler_may_disconnect():
    async with dev() as server, server.service() as service:

        @service.on("message")
        async def stop(notification):
            await service.disconnect()

        await service.connect()
        await server.notify("stop")
        assert [each.message async for each in service] == ["stop"]
        assert (await server.until(live=0))["closes"][0]["code"] == 1000


async def test_a_connect_that_was_cancelled_leaves_nothing_behind():
    async with dev() as server, server.service() as service:
        await server("mode", delay=5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await service.connect_with_retry()
        assert service.connection_state == "disconnected"
        await server("mode")
        await service.connect_with_retry()
        assert service.is_connected


async def test_a_disconnect_while_connecting_ends_the_connecting_with_an_error():
    async with dev() as server, server.service() as service:
        await server("mode", upgrade_status=503)
        connecting = asyncio.create_task(service.connect_with_retry())
        await until(lambda: service.connection_state == "reconnecting")
        await service.disconnect()
        with pytest.raises(NetworkFailed) as caught:
            await connecting
        assert caught.value.message == "disconnected while connecting"


# Sending


async def test_a_message_that_the_server_does_not_like_is_rejected():
    async with dev() as server, server.service() as service:
        await service.connect()
        with pytest.raises(MessageRejected) as caught:
            await service.send({"type": "x", "payload": {"big": "x" * 70_000}})
        assert "at most 65536 bytes" in caught.value.message
        assert caught.value.exit_code == 6
        assert (await service.send({"type": "x"})).status == "delivered"


async def test_what_is_no_message_is_refused_and_nothing_is_sent():
    async with dev() as server, server.service() as service:
        await service.connect()
        for message in ({"payload": {}}, {"type": "x", "payload": {"a": object()}}):
            with pytest.raises(UsageError):
                await service.send(message)
        assert service.is_connected
        assert (await server.stats())["received"] == 0


async def test_a_message_whose_connection_is_lost_is_unconfirmed():
    async def story(peer):
        await peer.upgrade()
        while (await peer.read())[0] != TEXT:
            pass
        peer.cut()

    async with httpd(story) as server:
        settings = Settings(url=server.url, token="ready-made")
        async with NotificationService(settings) as service:
            await service.connect()
            with pytest.raises(MessageUnconfirmed) as caught:
                await service.send({"type": "x"})
    assert "connection cut" in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 6


# Tokens


async def test_authenticate_gives_the_token_that_everybody_uses():
    async with dev() as server, server.service() as service:
        token = await service.authenticate()
        assert token.count(".") == 2
        assert await service.get_access_token() == token
        await service.connect()
        assert service.token.value == token
        assert (await server.stats())["logins"] == 1


async def test_the_users_id_is_the_servers_or_the_settings():
    async with dev() as server:
        async with server.service() as service:
            assert await service.get_user_id() == "42"
        async with server.service(user_id="mine") as service:
            assert await service.get_user_id() == "mine"
        async with server.service(token="opaque") as service:
            assert await service.get_user_id() is None


async def test_two_services_of_an_account_share_tokens_through_the_cache(alone):
    async with dev() as server:
        shared = f"sqlite://{alone}/shared.db"
        async with (
            server.service(cache_url=shared) as one,
            server.service(cache_url=shared) as two,
        ):
            tokens = await asyncio.gather(*(s.authenticate() for s in (one, two)))
            await two.connect()
            assert two.token.source == "cache"
        assert tokens[0] == tokens[1]
        assert (await server.stats())["logins"] == 1


async def test_a_revoked_token_is_renewed_once_and_the_connection_comes_back():
    async with dev() as server, server.service() as service:
        await service.authenticate()
        await server("revoke")
        await service.connect_with_retry()
        assert service.token.source == "refresh"
        seen = await server.stats()
        assert (seen["logins"], seen["refreshes"], seen["refusedUpgrades"]) == (1, 1, 1)


async def test_a_ready_made_token_is_used_as_it_is(alone):
    async with dev() as server:
        async with server.service() as service:
            token = await service.authenticate()
        async with server.service(token=token, password="", cache_url="") as service:
            await service.connect()
            assert service.token.source == "static"
        async with server.service(token="bad", cache_url="") as service:
            with pytest.raises(AuthenticationFailed) as caught:
                await service.connect_with_retry()
        assert "NOTIFYWS_TOKEN" in caught.value.hint
    assert not (alone / "cache").exists()


@pytest.mark.parametrize("place", ["query:token", "subprotocol:bearer", "message"])
async def test_the_token_goes_where_the_settings_say(place):
    async with dev() as server, server.service(token_in=place) as service:
        await service.connect()
        await server.until(live=1)
        assert (await service.send({"type": "x"})).status == "delivered"


# For those who draw


async def test_arrivals_are_bursts_of_events_and_notifications_in_their_order():
    async with dev() as server, server.service(frames=True) as service:
        observed = []
        service.listener.observers.append(lambda event: observed.append(event.name))
        service.start()
        seen = []
        async for burst in service.arrivals():
            seen.extend(burst)
            names = [getattr(item, "name", "") for item in burst]
            if "connected" in names:
                await server("raw", text="[]")
                await server.notify("one")
            if any(isinstance(item, Notification) for item in burst):
                assert service.listener.received == 1
                await service.disconnect()
        await service.closed()
    kinds = [getattr(item, "name", type(item).__name__) for item in seen]
    assert kinds == [
        *("connecting", "connected", "error", "Frame", "Notification"),
        *("disconnected", "closed"),
    ]
    ends = ["disconnected", "closed"]
    assert observed == ["connecting", "connected", "error", *ends]
    assert Frame("[]") in seen


async def test_arrivals_take_over_from_handlers():
    async with dev() as server, server.service() as service:
        await service.connect()
        bursts = service.arrivals()
        await server.notify("one")
        seen = []
        while not any(isinstance(item, Notification) for item in seen):
            seen.extend(await anext(bursts))
        await bursts.aclose()
        assert service.listener.waiting == 0


async def test_starting_again_after_the_last_id_repeats_nothing():
    async with dev() as server:
        async with server.service() as service:
            await service.connect()
            await server.notify("one", "two")
            first = await anext(aiter(service))
            await until(lambda: service.listener.received == 2)
        await server.notify("three")
        async with server.service(since=first.id) as service:
            await service.connect()
            assert await collect(service, 2) == ["two", "three"]


async def test_latency_is_that_of_the_last_ping():
    async with dev() as server, server.service() as service:
        assert service.latency is None
        assert service.token is None
        assert service.listener.received == 0
        await service.connect()
        await until(lambda: service.latency is not None)
        assert 0 < service.latency < 1


# Secrets


async def html_login(peer):
    await peer.request()
    await peer.write(answer(200, f"<html>{PASSWORD}</html>".encode()))


async def echo_login(peer):
    request = await peer.request()
    await peer.write(answer(500, request.body))


async def refused_login(peer):
    await peer.request()
    await peer.write(json_answer({"error": PASSWORD}, 401))


async def then_refuses_the_upgrade(peer):
    request = await peer.request()
    if request.method == "POST":
        given = {"accessToken": PASSWORD, "refreshToken": PASSWORD}
        await peer.write(json_answer(given))
    else:
        await peer.write(answer(403, PASSWORD.encode()))


STORIES = [html_login, echo_login, refused_login, then_refuses_the_upgrade, silence]


@pytest.mark.parametrize("story", STORIES)
async def test_no_error_of_any_layer_holds_a_secret(story, caplog):
    async with httpd(story) as server:
        settings = settings_for(server.url, http_timeout=0.2)
        async with NotificationService(settings) as service:
            observed = []
            service.listener.observers.append(observed.append)
            with (
                caplog.at_level(logging.DEBUG, "notifyws"),
                pytest.raises((NetworkFailed, AuthenticationFailed)) as caught,
            ):
                await service.connect()
            error = caught.value
            shown = traceback.format_exception(error)
            texts = [*shown, json.dumps(error.as_json()), repr(error), caplog.text]
            texts += [repr(observed), repr(service), repr(service.settings)]
            assert observed
            assert PASSWORD not in "".join(texts)


async def test_an_async_handler_sees_the_end_of_the_connection():
    seen = []
    async with dev() as server, server.service() as service:

        @service.on("disconnected")
        async def goodbye(code, reason):
            await asyncio.sleep(0.01)
            seen.append(code)

        await service.connect()
        await service.__aexit__(None, None, None)
        assert seen == [1000]


async def test_members_of_a_group_are_given_each_notification_once(clean_valkey):
    async with dev() as server:
        settings = server.settings(cache_url=clean_valkey.url, group_lease=1.0)
        async with NotificationService(settings, group="workers") as one:
            await one.connect_with_retry()
            await until(lambda: one.is_connected)
            async with NotificationService(settings, group="workers") as other:
                await other.connect_with_retry()
                assert other.connection_state == "connected"
                assert (await server.stats())["live"] == 1
                heard = []
                for service in (one, other):
                    service.on("message")(lambda each: heard.append(each.message))
                await server.notify(*"123456")
                await until(lambda: len(heard) >= 6)
                assert sorted(heard) == list("123456")


async def test_what_an_iteration_did_not_come_to_is_for_the_other_members(clean_valkey):
    async with dev() as server:
        settings = server.settings(cache_url=clean_valkey.url, group_lease=1.0)
        async with NotificationService(settings, group="workers") as one:
            await one.connect_with_retry()
            await until(lambda: one.is_connected)
            await server.notify(*"12345")
            assert await collect(one, 2) == ["1", "2"]
            assert await collect(one, 1) == ["3"]
        async with NotificationService(settings, group="workers") as other:
            await other.connect_with_retry()
            left = [await anext(other.__aiter__()) for _ in range(2)]
        assert [each.message for each in left] == ["4", "5"]


async def test_what_a_service_is_called_stands_in_what_it_brings():
    async with dev() as server:
        settings = settings_for(server.url)
        async with NotificationService(settings, label="work") as service:
            await service.connect()
            await server.notify("hello", server="elsewhere")
            async for notification in service:
                assert notification.server == "work"
                assert notification.as_json()["server"] == "work"
                break
