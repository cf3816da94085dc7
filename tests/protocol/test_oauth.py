"""OAuth's tables of a profile, and the requests that they stand for."""

from __future__ import annotations

from notifyws.protocol.oauth import (
    DEVICE_CODE,
    code_step,
    completed,
    login_step,
    poll_step,
)
from notifyws.protocol.profile import ClientCredentials, Profile
from notifyws.protocol.profile_text import parse

DEVICE = """
[http.device]
path = "/code"
token_path = "/token"
client_id = "me"
"""


def of(toml: str) -> Profile:
    text = f'name = "mine"\n{toml}\n[[rules]]\nthen = "notification"'
    return completed(parse(text, "mine"))


def test_a_profile_without_them_stays_as_it_is():
    profile = parse('name = "mine"\n[[rules]]\nthen = "notification"', "mine")
    assert completed(profile) is profile


def test_a_device_asks_for_a_code_and_for_its_token():
    table = of(f'{DEVICE}scope = "news"\nmore = {{ audience = "us" }}').http.device
    code, poll = code_step(table), poll_step(table)
    assert code.path == "/code"
    assert code.form == {"client_id": "me", "scope": "news", "audience": "us"}
    assert poll.path == "/token"
    grant = {"grant_type": DEVICE_CODE, "device_code": "{device_code}"}
    assert poll.form == {**grant, "client_id": "me"}


def test_a_device_that_has_a_secret_shows_it_each_time():
    profile = of(f'{DEVICE}client_secret = "hush"')
    steps = code_step(profile.http.device), poll_step(profile.http.device)
    for step in (*steps, profile.http.refresh):
        assert step.form["client_secret"] == "hush"


def test_a_device_is_refreshed_and_its_tokens_are_where_oauth_has_them():
    profile = of(DEVICE)
    assert profile.http.login is None
    assert profile.http.refresh.path == "/token"
    token = {"grant_type": "refresh_token", "refresh_token": "{refresh_token}"}
    assert profile.http.refresh.form == {**token, "client_id": "me"}
    assert profile.tokens.access == "access_token"


def test_what_a_profile_says_itself_goes_before():
    refresh = '[http.refresh]\npath = "/again"\n[tokens]\naccess = "token"'
    profile = of(f"{DEVICE}{refresh}")
    assert profile.http.refresh.path == "/again"
    assert profile.tokens.access == "token"


def test_a_program_logs_in_with_its_secret_in_the_header_or_in_the_form():
    form = {"grant_type": "client_credentials", "scope": "news", "audience": "us"}
    said = {"token_path": "/token", "scope": "news", "more": {"audience": "us"}}
    step = login_step(ClientCredentials(**said))
    assert (step.path, step.form) == ("/token", form)
    assert step.basic == "{username|form}:{password|form}"
    step = login_step(ClientCredentials(**said, secret_in="form"))
    shown = {"client_id": "{username}", "client_secret": "{password}"}
    assert (step.basic, step.form) == (None, {**form, **shown})


def test_programs_are_not_refreshed():
    profile = of('[http.client_credentials]\ntoken_path = "/token"')
    assert profile.http.refresh is None
    assert profile.http.login.path == "/token"
    assert profile.tokens.expires_in == "expires_in"
