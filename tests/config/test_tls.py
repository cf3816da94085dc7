"""Our certificate and its key: whom they are shown to, and what may be wrong."""

from __future__ import annotations

import os
import ssl

import keyring
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from notifyws.auth.authenticator import Authenticator
from notifyws.config.saved_login import find_key_password
from notifyws.config.settings import Settings
from notifyws.config.tls import pair_of, show_certificate
from notifyws.connection.build import build_dial
from notifyws.diagnostics import probes
from notifyws.errors import ConfigurationError, WeAreNotTrusted
from notifyws.protocol.upgrade import UpgradeRequest
from tests.support.examining import echo, looked
from tests.support.httpd import answer, httpd, says
from tests.support.keyrings import SilentKeyring
from tests.support.tls import Authority, refusing

OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
PASSWORD = "sentinel-key-password-7b"


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def folder(authority, tmp_path_factory):
    """The files of an authority, of a client it knows, and of somebody else."""
    folder = tmp_path_factory.mktemp("tls")
    authority.write(folder)
    authority.write_client(folder, "me")
    authority.write_client(folder, "old", days=-1)
    authority.write_client(folder, "ends", days=5)
    Authority().write_client(folder, "other")
    key = load_pem_private_key((folder / "me.key").read_bytes(), None)
    sealed = BestAvailableEncryption(PASSWORD.encode())
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
    (folder / "sealed.key").write_bytes(text)
    broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    (folder / "broken.key").write_text(broken)
    return folder


def named(folder, who="me", key="", **more):
    """Return what settings say of a client's files, and whom to trust."""
    ours = {"client_cert": str(folder / f"{who}.pem")} if who else {}
    ours |= {"client_key": str(folder / (key or f"{who}.key"))} if who else {}
    return {"ca_file": str(folder / "ca.pem"), "keyring": False, **ours, **more}


def of(url, folder, *who, **more) -> Authenticator:
    settings = {"username": "me", "password": "pw", "cache_url": "memory://"}
    settings |= named(folder, *who, **more)
    return Authenticator(Settings(url=url, **settings), [].append)


def shown(folder, **said):
    """Return what comes of showing these files."""
    said = {name: str(folder / each) for name, each in said.items()}
    return show_certificate(ssl.create_default_context(), Settings(**said))


# Who is shown it


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize(
    ("key", "password"), [("me.key", ""), ("sealed.key", PASSWORD)]
)
async def test_http_and_socket_show_it_to_a_server_that_demands_one(
    authority, folder, version, key, password
):
    context = authority.demanding(maximum_version=version, minimum_version=version)
    async with httpd(echo(), context) as server:
        auth = of(server.url, folder, "me", key, client_key_password=password)
        pair = await auth.http.login("me", "pw")
        assert pair.user_id == "7"
        socket = await build_dial(auth)(UpgradeRequest(server.url, {}))
        await socket.ping()
        socket.abort()


@pytest.mark.parametrize(
    ("who", "version", "said"),
    [
        ("", NEW, "wants a client certificate"),
        ("other", NEW, "does not accept our client certificate: alert unknown ca"),
        ("other", OLD, "does not accept our client certificate: alert unknown ca"),
        ("old", NEW, "does not accept our client certificate: alert certificate exp"),
    ],
)
async def test_a_server_that_does_not_accept_it_refuses_us_and_no_password(
    authority, folder, who, version, said
):
    with refusing(authority.demanding(maximum_version=version)) as port:
        auth = of(f"wss://127.0.0.1:{port}", folder, who)
        for _ in range(2):  # the password is not remembered as wrong
            with pytest.raises(WeAreNotTrusted, match=f"127.0.0.1:{port} {said}"):
                await auth.token_manager.get()
        with pytest.raises(WeAreNotTrusted) as caught:
            await build_dial(auth)(UpgradeRequest(auth.url, {}))
    assert f"127.0.0.1:{port} {said}" in caught.value.message
    assert caught.value.exit_code == 4
    assert "NOTIFYWS_CLIENT_CERT" in caught.value.hint


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("No required SSL certificate was sent", "wants a client certificate"),
        ("The SSL certificate error", "does not accept our client certificate"),
    ],
)
async def test_nginx_says_it_on_a_page(folder, title, said):
    """It opens every TLS connection, and answers 400 (nginx 1.22.1)."""
    page = f"<html>\r\n<head><title>400 {title}</title></head>\r\n<body></body></html>"
    async with httpd(says(answer(400, page.encode()))) as server:
        auth = of(server.url, folder, "")
        for asking in (
            auth.http.login("me", "pw"),
            build_dial(auth)(UpgradeRequest(server.url, {})),
        ):
            with pytest.raises(WeAreNotTrusted, match=f"^{server.host} {said}$"):
                await asking


# What may be wrong with the files


@pytest.mark.parametrize(
    ("said", "wrong", "why"),
    [
        ({"client_key": "other.key"}, "other.key", "it is not the key of that cert"),
        ({"client_key": "sealed.key"}, "sealed.key", "it wants a password"),
        ({"client_key": "old.pem"}, "old.pem", "it holds no private key in PEM"),
        ({"client_cert": "me.key"}, "me.key", "not a PEM file of certificates"),
        ({"client_cert": "me.pem"}, "me.pem", "it holds no private key in PEM"),
        ({"client_key": "broken.key"}, "broken.key", "OpenSSL cannot read it"),
        ({"client_key": "gone.key"}, "gone.key", "there is no file"),
        ({"client_cert": "gone.pem"}, "gone.pem", "there is no file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_a_sentence(folder, said, wrong, why):
    with pytest.raises(ConfigurationError) as caught:
        shown(folder, **{"client_cert": "me.pem", **said})
    name = "KEY" if said.get("client_key") else "CERT"
    message = caught.value.message
    assert message.startswith(f"cannot use NOTIFYWS_CLIENT_{name} {folder / wrong}: ")
    assert why in message
    assert "PEM file" in caught.value.hint or "set NOTIFYWS_" in caught.value.hint


def test_a_wrong_password_is_said_and_not_shown(folder):
    said = named(folder, "me", "sealed.key", client_key_password="sentinel-wrong")
    with pytest.raises(ConfigurationError) as caught:
        show_certificate(ssl.create_default_context(), Settings(**said))
    assert "NOTIFYWS_CLIENT_KEY_PASSWORD does not open it" in caught.value.message
    assert "sentinel" not in f"{caught.value}{caught.value.hint}"
    assert "sentinel" not in repr(pair_of(Settings(**said)))


@pytest.mark.parametrize("name", ["client_cert", "client_key"])
def test_a_pipe_is_refused_and_not_waited_for(folder, tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="it is a pipe or a device"):
        shown(folder, **{"client_cert": "me.pem", name: tmp_path / "pipe"})


def test_a_key_without_its_certificate_is_said(folder):
    said = "NOTIFYWS_CLIENT_CERT no certificate$"
    with pytest.raises(ConfigurationError, match=said):
        shown(folder, client_key="me.key")


def test_one_file_may_hold_both(folder, tmp_path):
    both = tmp_path / "both.pem"
    both.write_text(
        "".join((folder / f"me.{end}").read_text() for end in ("key", "pem"))
    )
    shown(folder, client_cert=both)


# The key's password in the keyring


def keep(path, word):
    keyring.set_password("notifyws", f"key {path}", word)


@pytest.mark.parametrize(("wanted", "found"), [(True, True), (False, False)])
@pytest.mark.usefixtures("file_keyring")
def test_the_keyring_may_hold_the_password_of_the_key(folder, wanted, found):
    keep(folder / "sealed.key", PASSWORD)
    settings = Settings(**named(folder, "me", "sealed.key") | {"keyring": wanted})
    assert (pair_of(settings).password == PASSWORD) is found
    if found:
        show_certificate(ssl.create_default_context(), settings)


def test_a_key_that_needs_none_is_not_asked_for(folder, file_keyring):
    keep(folder / "me.key", PASSWORD)
    assert pair_of(Settings(**named(folder) | {"keyring": True})).password == ""


def test_a_keyring_that_does_not_answer_holds_none(folder, use_keyring):
    silent = SilentKeyring()
    use_keyring(silent)
    assert find_key_password(str(folder / "sealed.key"), 0.05) is None
    silent.unlock.set()


# What status says


async def test_status_says_whom_the_certificate_names_and_for_how_long(
    authority, folder, alone
):
    async with httpd(echo(), authority.demanding()) as server:
        report = await looked(server.url, **named(folder))
        tls = next(each for each in report.checks if each.name == "tls")
        assert report.failure is None, report.checks
        name = "we show the certificate of me@example.com, 365 days left"
        assert tls.detail.endswith(name)
        report = await looked(server.url, **named(folder, "ends"))
        tls = next(each for each in report.checks if each.name == "tls")
    assert tls.status == "warn"
    assert tls.detail.startswith("our certificate of ends@example.com ends in 4 d")


@pytest.mark.parametrize(
    ("who", "said"),
    [("", "wants a client certificate"), ("other", "does not accept our client cert")],
)
async def test_status_says_that_the_server_does_not_accept_us(
    authority, folder, alone, who, said
):
    with refusing(authority.demanding()) as port:
        report = await looked(f"wss://127.0.0.1:{port}", **named(folder, who))
    assert (report.failure.name, report.failure.exit_code) == ("tls", 4)
    assert said in report.failure.detail
    assert "NOTIFYWS_CLIENT_CERT" in report.failure.hint


async def test_a_server_that_hangs_up_may_want_one(authority, folder, alone):
    """As asyncio's own servers do: they send no alert."""
    async with httpd(echo(), authority.demanding()) as server:
        report = await looked(server.url, **named(folder, ""))
    assert report.failure.name == "tls"
    assert "does it want a client certificate?" in report.failure.detail


def test_one_that_has_expired_is_said_before_any_server_does(folder):
    with pytest.raises(WeAreNotTrusted, match=r"old\.pem: certificate has expired"):
        probes.own_certificate(pair_of(Settings(**named(folder, "old"))))
