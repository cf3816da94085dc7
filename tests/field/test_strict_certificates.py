"""Python 3.13 is strict with certificates; an authority that was named is enough.

python/cpython, Doc/whatsnew/3.13.rst: ``ssl.create_default_context`` sets
``VERIFY_X509_STRICT``, which older certificates of private authorities fail.
"""

from __future__ import annotations

import ssl
from contextlib import aclosing

import pytest

from notifyws.auth.cache.redis import RedisCache
from notifyws.auth.http_api import HttpApi
from notifyws.config.settings import Settings
from notifyws.config.tls import trust
from notifyws.connection.dialer import dial
from notifyws.diagnostics.probes import target_of, tls_days_left
from notifyws.errors import CertificateRejected
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse
from notifyws.protocol.token_replies import Lifetimes
from notifyws.protocol.upgrade import UpgradeRequest
from tests.support.httpd import httpd, json_answer, says
from tests.support.resp import scripted
from tests.support.tls import Authority

PROFILE = parse(*profile_text("default"))


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    """Make every context as Python 3.13 does."""
    made = ssl.create_default_context

    def strict_one(*args, **how):
        context = made(*args, **how)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict_one)


@pytest.fixture(scope="module")
def authority():
    return Authority()


async def welcomes(peer):
    await peer.upgrade()
    await peer.hang()


async def log_in(server, tls) -> None:
    side = HttpApi(server.origin, PROFILE, Lifetimes(), tls=tls)
    await side.login("me", "secret")


async def connect(server, tls) -> None:
    settings = Settings(open_timeout=5.0, close_timeout=0.05)
    socket = await dial(UpgradeRequest(server.url), settings, tls)
    await socket.close(1000, "")


async def look(server, tls) -> None:
    assert await tls_days_left(target_of(server.url), tls) > 20


WAYS = {
    log_in: says(json_answer({"accessToken": "a"})),
    connect: welcomes,
    look: welcomes,
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_named_authority_is_enough_for_a_certificate_that_lacks_something(
    authority, tmp_path, way
):
    async with httpd(WAYS[way], authority.lacking()) as server:
        await way(server, trust(str(authority.write(tmp_path))))


async def test_it_is_enough_for_a_redis_too(authority, tmp_path):
    async with scripted(b"+PONG\r\n", tls=authority.lacking()) as server:
        url = server.url.replace("redis:", "rediss:")
        named = f"{url}?ssl_ca_certs={authority.write(tmp_path)}"
        async with aclosing(RedisCache(named)) as cache:
            await cache.ping()


@pytest.mark.parametrize("way", WAYS)
async def test_where_none_was_named_it_is_said_what_the_certificate_lacks(
    authority, tmp_path, way
):
    context = ssl.create_default_context(cafile=str(authority.write(tmp_path)))
    async with httpd(WAYS[way], authority.lacking()) as server:
        with pytest.raises(CertificateRejected) as caught:
            await way(server, context)
    assert "lacks something: Missing Authority Key Identifier" in caught.value.message
    assert "NOTIFYWS_CA_FILE=" in caught.value.hint


@pytest.mark.parametrize("way", WAYS)
async def test_a_named_authority_that_did_not_sign_is_not_to_be_named_again(
    authority, tmp_path, way
):
    context = trust(str(Authority().write(tmp_path)))
    async with httpd(WAYS[way], authority.good()) as server:
        with pytest.raises(CertificateRejected) as caught:
            await way(server, context)
    assert "the authority that signed it" in caught.value.hint
    assert "openssl s_client -connect" in caught.value.hint
