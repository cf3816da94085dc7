"""Apprise's services: what they are given, what they say, and nothing of their URLs."""

from __future__ import annotations

import json
import logging
import threading
from urllib.parse import urlsplit

import pytest

from notifyws.delivery.sinks.apprise import AppriseSink, names_of, secrets_of
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification
from tests.support.httpd import answer, in_a_thread
from tests.support.target import target

NOTE = Notification({"type": "t", "title": "T <b>", "message": "M *x*"}, "then")
SECRET = "xoxb-1234secret"


def url_to(there, query=""):
    return f"json://me:{SECRET}@{urlsplit(there.url).netloc}/{SECRET}path{query}"


def sink(url, timeout=5.0):
    return AppriseSink("apprise:json", url, timeout, 1)


async def test_a_service_gets_plain_text_without_words_the_title_or_else_the_type():
    with target() as there:
        apprise = sink(url_to(there))
        for note in (NOTE, Notification({"type": "t"}, "then")):
            await apprise.deliver(note)
        await apprise.aclose()
    told = [json.loads(posted.body) for posted in there.posted]
    said = [(each["title"], each["message"]) for each in told]
    assert said == [("T <b>", "M *x*"), ("t", "t")]


async def test_a_refusal_is_worth_another_try_and_shows_no_part_of_the_url():
    with target() as there:
        there.answers += [500]
        apprise = sink(url_to(there))
        with pytest.raises(DeliveryFailed, match="error=500") as failed:
            await apprise.deliver(NOTE)
    assert not failed.value.final
    assert SECRET not in failed.value.message


async def test_a_service_that_is_not_there_is_told_without_its_host(caplog):
    with caplog.at_level(logging.DEBUG):
        apprise = sink(f"json://{SECRET}:1/{SECRET}")
        with pytest.raises(
            DeliveryFailed, match=r"Connection error .* to \*\*\*"
        ) as no:
            await apprise.deliver(NOTE)
    assert SECRET not in no.value.message


async def test_one_that_hangs_is_left_after_the_time_limit_and_has_one_thread():
    async def hang(peer):
        await peer.hang()

    with in_a_thread(hang) as there:
        host = urlsplit(there.origin).netloc
        apprise = sink(f"json://{host}/?rto=0.3", timeout=0.05)
        for _ in range(3):
            with pytest.raises(DeliveryFailed, match=r"longer than 0\.05 s"):
                await apprise.deliver(NOTE)
        names = [t.name for t in threading.enumerate()]
        assert sum(name.startswith("apprise:json") for name in names) <= 1


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n"


async def drips(peer):
    await peer.drip(LONG + b"x" * 9_999)


async def floods(peer):
    await peer.write(LONG)
    while True:
        await peer.write(bytes(1 << 16))


async def test_of_an_answer_without_end_only_the_beginning_is_read():
    """Seen: gigabytes of it in memory, for as long as the time limit lasted."""

    async def story(peer):
        await peer.request()
        await floods(peer)

    with in_a_thread(story) as there:
        apprise = sink(f"json://{urlsplit(there.origin).netloc}/", timeout=30)
        await apprise.deliver(NOTE)
        await apprise.deliver(NOTE)


async def test_one_whose_answer_has_no_end_is_left_and_asked_again():
    """Seen: its thread read on, for good, and each later notification was given up."""
    asked = []

    async def story(peer):
        asked.append(await peer.request())
        await (drips(peer) if len(asked) == 1 else peer.write(answer(200)))

    with in_a_thread(story) as there:
        apprise = sink(f"json://{urlsplit(there.origin).netloc}/", timeout=0.5)
        with pytest.raises(DeliveryFailed, match=r"longer than 0\.5 s"):
            await apprise.deliver(NOTE)
        await apprise.deliver(NOTE)
    assert len(asked) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_takes_nothing_to_another_origin(status):
    """Seen: headers of the URL, and the notification, went where the service said."""
    with target() as there, target() as other:
        there.answers += [(status, {"Location": other.url})]
        apprise = sink(url_to(there, "?+X-Api-Key=sesame"))
        with pytest.raises(DeliveryFailed, match=f"error={status}"):
            await apprise.deliver(NOTE)
    assert other.posted == []


@pytest.mark.parametrize("url", ["nosuch://SECRET", "slack://SECRET", "json://"])
def test_what_apprise_does_not_know_is_told_by_its_scheme_alone(url):
    with pytest.raises(ConfigurationError, match="Apprise knows no") as wrong:
        sink(url)
    assert "SECRET" not in f"{wrong.value.message}{wrong.value.hint}"
    assert url.partition("://")[0] in wrong.value.message


def test_names_are_schemes_with_a_number_from_the_second_on():
    urls = ["json://a/b", "slack://SECRET", "JSON://c", "json://d"]
    named = ["apprise:json", "apprise:slack", "apprise:json#2", "apprise:json#3"]
    assert names_of(urls) == named


def test_every_part_of_a_url_is_a_secret_as_it_is_and_as_it_is_meant():
    url = "tgram://123456:abcdef/chat%2Froom/?token=sesame#frag1"
    known = secrets_of(url)
    for part in ("123456", "abcdef", "chat%2Froom", "chat/room", "sesame", "frag1"):
        assert part in known
    assert "bracket" in secrets_of("json://[bracket")
