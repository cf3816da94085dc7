"""What nobody may see of a server's words: one list."""

from __future__ import annotations

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.known_secrets import given_secrets, known_secrets
from notifyws.config.settings import Settings

SECRET = "sentinel-secret-0001"


def test_a_variable_is_a_secret_by_its_name_and_a_path_is_none():
    said = {
        **{"app_secret": SECRET, "api_key": "apikey01", "passphrase": "passphr1"},
        **{"channel": "news", "otp_key": 12, "token": None, "auth_path": "api/auth"},
    }
    found = given_secrets(Settings(password="password1"), said)
    assert [*filter(None, found)] == ["password1", SECRET, "apikey01", "passphr1", "12"]


def test_so_is_what_the_query_of_a_url_calls_one():
    """Seen: a key of the URL, repeated where the upgrade was refused."""
    settings = Settings(url=f"ws://h/ws?access_token={SECRET}&key=otherkey1&x=12345678")
    found = {*filter(None, given_secrets(settings, {}))}
    assert found == {SECRET, "otherkey1"}


async def test_tokens_of_late_are_among_them_as_a_query_spells_them():
    how = {"url": "ws://h", "token": "to+ken-0001", "cache_url": "memory:"}
    auth = Authenticator(Settings(**how), print)
    assert {"to+ken-0001", "to%2Bken-0001"} <= {*known_secrets(auth)}
    await auth.aclose()
