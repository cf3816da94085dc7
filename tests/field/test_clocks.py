"""A small computer has no clock of its own: after a boot it is behind for a while."""

from __future__ import annotations

import pytest

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.errors import CertificateRejected
from notifyws.events import Reconnecting
from tests.support.httpd import httpd, json_answer
from tests.support.tls import Authority

BEHIND = "is not valid yet: the clock of this machine may be behind"


async def whole(peer):
    request = await peer.request()
    if request.method == "POST":
        await peer.write(json_answer({"accessToken": "tok", "expiresIn": 900}))
    else:
        await peer.upgrade(request)
        await peer.hang()


@pytest.fixture
def settings(tmp_path):
    def made(authority, url, **said):
        known = {"ca_file": str(authority.write(tmp_path)), "cache_url": "memory://"}
        return Settings(url=url, retry_delays=(0.2,), **{**known, **said})

    return made


WAYS = [{"token": "t"}, {"username": "u", "password": "p"}]
"""The socket is the first to see the certificate, or the login is."""


@pytest.mark.slow
@pytest.mark.parametrize("who", WAYS, ids=["socket", "login"])
async def test_a_certificate_that_is_not_valid_yet_is_waited_for(settings, who):
    authority = Authority()
    async with httpd(whole, authority.early(1.5)) as server:
        said = settings(authority, server.url, **who)
        async with NotificationService(said) as service:
            events = []
            service.listener.observers.append(events.append)
            await service.connect_with_retry()
        waits = [each.reason for each in events if isinstance(each, Reconnecting)]
        assert waits
        assert all(BEHIND in each for each in waits)


@pytest.mark.parametrize("served", ["expired", "for_another_host", "good"])
@pytest.mark.parametrize("who", WAYS, ids=["socket", "login"])
async def test_any_other_bad_certificate_stays_the_end_at_the_start(
    settings, who, served
):
    authority = Authority()
    trusted = Authority() if served == "good" else authority
    async with httpd(whole, getattr(authority, served)()) as server:
        said = settings(trusted, server.url, **who)
        async with NotificationService(said) as service:
            with pytest.raises(CertificateRejected):
                await service.connect_with_retry()
        assert server.requests == []


async def test_one_try_says_that_the_clock_may_be_behind(settings):
    authority = Authority()
    async with httpd(whole, authority.early(3600)) as server:
        said = settings(authority, server.url, token="t")
        async with NotificationService(said) as service:
            with pytest.raises(CertificateRejected) as caught:
                await service.connect()
    assert caught.value.message.endswith(BEHIND)
    assert "date" in caught.value.hint
