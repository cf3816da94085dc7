"""Redis over TLS: its authority, our certificate and key, and what may be wrong."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from notifyws.auth.cache.redis import RedisClient
from notifyws.errors import CacheFailed, ConfigurationError
from tests.support.resp import scripted
from tests.support.tls import Authority


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of an authority, of a client it knows, and of somebody else."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority()
    authority.write(folder)
    authority.write_client(folder, "client")
    Authority().write_client(folder, "other")
    key = load_pem_private_key((folder / "client.key").read_bytes(), None)
    sealed = BestAvailableEncryption(b"s3cret")
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
    (folder / "sealed.key").write_bytes(text)
    return authority, folder


def client(url: str) -> aclosing[RedisClient]:
    return aclosing(RedisClient(url, "token cache"))


def query(folder, certificate="client.pem", key="client.key", more="") -> str:
    authority = f"?ssl_ca_certs={folder / 'ca.pem'}"
    ours = f"&ssl_certfile={folder / certificate}&ssl_keyfile={folder / key}"
    return f"{authority}{ours if certificate else ''}{more}"


@pytest.mark.parametrize(
    ("key", "more"), [("client.key", ""), ("sealed.key", "&ssl_password=s3cret")]
)
async def test_a_server_that_wants_our_certificate_gets_it(files, key, more):
    authority, folder = files
    async with scripted(b"+PONG\r\n", tls=authority.demanding()) as server:
        url = f"rediss://127.0.0.1:{server.port}{query(folder, key=key, more=more)}"
        async with client(url) as redis:
            assert await redis.command("PING") is True


def spoken(said) -> bytes:
    """Return numbers, texts and lists of them as Redis would send them."""
    if isinstance(said, list):
        return b"*%d\r\n" % len(said) + b"".join(map(spoken, said))
    text = str(said).encode()
    number = isinstance(said, int)
    return b":%s\r\n" % text if number else b"$%d\r\n%s\r\n" % (len(text), text)


async def test_sentinels_and_the_primary_they_name_are_spoken_to_over_tls(files):
    authority, folder = files
    async with (
        scripted(b"+PONG\r\n", tls=authority.demanding()) as primary,
        scripted(b"", tls=authority.demanding()) as sentinel,
    ):
        known = {"name": "mine", "ip": "127.0.0.1", "port": str(primary.port)}
        known |= {"flags": "master", "num-other-sentinels": "0"}
        sentinel.answer = spoken([[each for pair in known.items() for each in pair]])
        files_of_ours = query(folder, key="sealed.key", more="&ssl_password=s3cret")
        url = f"rediss+sentinel://127.0.0.1:{sentinel.port}/mine{files_of_ours}"
        async with client(url) as redis:
            assert await redis.command("PING") is True


async def test_nodes_of_a_cluster_are_spoken_to_over_tls(files):
    authority, folder = files
    async with scripted(b"", tls=authority.demanding()) as node:
        node.answer = spoken([[0, 16383, ["127.0.0.1", node.port, "id"]]])
        files_of_ours = query(folder, key="sealed.key", more="&ssl_password=s3cret")
        url = f"rediss+cluster://127.0.0.1:{node.port}{files_of_ours}"
        async with client(url) as redis:
            assert await redis.command("XLEN", "{a}s")
    assert b"XLEN" in node.requests[-1]


@pytest.mark.parametrize(
    "url",
    [
        *("rediss://127.0.0.1:{}", "rediss+cluster://127.0.0.1:{}"),
        "rediss+sentinel://127.0.0.1:{}/mine",
    ],
)
async def test_an_authority_that_nobody_named_is_to_be_named(files, url):
    authority, _ = files
    async with (
        scripted(b"+PONG\r\n", tls=authority.good()) as server,
        client(url.format(server.port)) as redis,
    ):
        with pytest.raises(CacheFailed) as caught:
            await redis.command("PING")
    assert "the certificate of 127.0.0.1 is not trusted" in caught.value.message
    assert "?ssl_ca_certs=" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("rediss://127.0.0.1:{}", "redis://"),
        ("rediss+cluster://127.0.0.1:{}", "redis+cluster://"),
        ("rediss+sentinel://127.0.0.1:{}/mine", "redis+sentinel://"),
    ],
)
async def test_plain_text_where_tls_is_expected_is_said(url, plain):
    async with (
        scripted(b"-ERR unknown command\r\n") as server,
        client(url.format(server.port)) as redis,
    ):
        with pytest.raises(CacheFailed) as caught:
            await redis.command("PING")
    assert caught.value.hint.startswith(f"is it {plain} instead of")


@pytest.mark.parametrize(
    ("certificate", "key", "more", "said"),
    [
        ("client.pem", "other.key", "", "it is not the key of that certificate"),
        ("client.pem", "sealed.key", "", "ssl_password does not open it"),
        ("client.pem", "sealed.key", "&ssl_password=no", "does not open it"),
        ("client.pem", "client.pem", "", "it holds no private key in PEM"),
        ("client.key", "client.key", "", "not a PEM file of certificates"),
        ("client.pem", "broken.key", "", "OpenSSL cannot read it"),
        ("client.pem", "gone.key", "", "there is no file"),
    ],
)
def test_a_wrong_certificate_or_key_is_named(files, certificate, key, more, said):
    _, folder = files
    text = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    (folder / "broken.key").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        RedisClient(f"rediss://h{query(folder, certificate, key, more)}", "x")
    assert said in caught.value.message
    wrong = key if certificate != key else certificate
    assert f"{folder / wrong}: " in caught.value.message
    assert caught.value.hint


def test_a_key_alone_is_not_enough(files):
    _, folder = files
    with pytest.raises(ConfigurationError) as caught:
        RedisClient(f"rediss://h?ssl_keyfile={folder / 'client.key'}", "x")
    assert "ssl_certfile" in caught.value.hint


def test_one_file_may_hold_both(files):
    _, folder = files
    both = folder / "both.pem"
    texts = ((folder / f"client.{end}").read_text() for end in ("key", "pem"))
    both.write_text("".join(texts))
    RedisClient(f"rediss+cluster://h?ssl_certfile={both}", "x")


async def test_a_server_that_wants_a_certificate_that_we_do_not_have_is_said(files):
    authority, folder = files
    async with scripted(b"+PONG\r\n", tls=authority.demanding()) as server:
        url = f"rediss://127.0.0.1:{server.port}{query(folder, certificate='')}"
        async with client(url) as redis:
            with pytest.raises(CacheFailed) as caught:
                await redis.command("PING")
    assert "ssl_certfile=" in caught.value.hint
