"""A login by a code that somebody approves (RFC 8628), and one of a program itself."""

from __future__ import annotations

import base64
import traceback
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.device_login import SOONEST, log_in_by_device
from notifyws.auth.http_api import HttpApi
from notifyws.clock import real_clock
from notifyws.config.settings import Settings
from notifyws.diagnostics.connection_probe import Trace
from notifyws.errors import AuthenticationFailed, HttpRefused, NetworkFailed, ReplyLost
from notifyws.protocol.oauth import completed
from notifyws.protocol.profile_text import parse
from notifyws.protocol.token_replies import Lifetimes
from notifyws.service import NotificationService
from tests.support.httpd import answer, httpd, json_answer
from tests.support.oauth import (
    CLIENT,
    DEVICE,
    DEVICE_CODE,
    MACHINE,
    SECRET,
    USER_CODE,
    FastClock,
    OAuthServer,
)
from tests.support.virtual import at_the_end


class Scene:
    """A server, a clock that does not wait, and a login there."""

    def __init__(self, origin, server, clock, toml=DEVICE, **variables) -> None:
        self.server, self.clock = server, clock
        self.profile = completed(parse(toml, "acme.toml"))
        known = {**self.profile.constants, **variables}
        self.http = HttpApi(origin, self.profile, Lifetimes(), variables=known)
        self.shown = []
        self.trace = Trace()
        self.http.steps.on_exchange = self.trace.exchange
        real = real_clock()
        self.ours = replace(real, now=clock.now, sleep=clock.sleep, suspended=lambda: 0)

    async def log_in(self):
        return await self.logged_in(self.shown.append)

    async def logged_in(self, show):
        async def keep(pair):
            return None

        auth = SimpleNamespace(http=self.http, profile=self.profile, clock=self.ours)
        auth.token_manager = SimpleNamespace(keep=keep)
        return (await log_in_by_device(auth, show))[1]

    async def fails(self, kind=AuthenticationFailed):
        with pytest.raises(kind) as caught:
            await self.log_in()
        whole = "".join(traceback.format_exception(caught.value)) + repr(self.shown)
        traced = self.trace.taken()
        for secret in (DEVICE_CODE, "sentinel-refresh", "sentinel-access"):
            assert secret not in f"{whole}{traced}"
        return caught.value


@asynccontextmanager
async def scene(*polls, toml=DEVICE, variables=(), **how):
    clock = FastClock()
    server = OAuthServer(*polls, now=clock.now, **how)
    async with httpd(server.story) as one:
        yield Scene(one.origin, server, clock, toml, **dict(variables))


PENDING, SLOW = "authorization_pending", "slow_down"


async def test_a_server_that_wants_to_be_asked_without_a_pause_is_not():
    async with scene(PENDING, PENDING, PENDING, code={"interval": 1e-9}) as one:
        began = one.clock.now()
        await one.log_in()
    assert one.clock.now() - began >= 4 * SOONEST


# The way it should go


async def test_a_code_is_shown_and_the_token_comes_once_it_is_approved():
    async with scene(PENDING, PENDING) as one:
        pair = await one.log_in()
        (code,) = one.shown
        origin = one.http.steps.origin
    assert (code.user_code, code.url) == (USER_CODE, f"{origin}/device")
    assert code.complete_url == f"{origin}/device?user_code={USER_CODE}"
    assert code.lifetime == 900
    assert pair.access.value == "sentinel-access-1"
    assert pair.access.lifetime == 600
    assert pair.refresh.value == "sentinel-refresh-1"
    assert one.server.scopes == ["news offline_access"]


async def test_the_id_token_tells_who_approved_it():
    """Where the access token is none that can be read; a JWT that is one goes first."""
    claims = base64.urlsafe_b64encode(b'{"sub": "alice"}').decode().rstrip("=")
    given = {"access_token": "opaque", "id_token": f"e30.{claims}.c2ln"}
    async with scene(json_answer(given)) as one:
        pair = await one.log_in()
    assert pair.user_id == "alice"
    assert claims not in str(one.trace.taken())


GITHUB = [json_answer({"error": word}) for word in (PENDING, SLOW)]
GONE = answer(503), answer(502), json_answer({}, 429, Retry_After="90")


@pytest.mark.parametrize(
    ("polls", "code", "slept"),
    [
        ([PENDING, PENDING], {"interval": 7}, [7, 7, 7]),
        ([PENDING], {}, [5, 5]),
        ([PENDING, SLOW, PENDING, SLOW, PENDING], {}, [5, 5, 10, 10, 15, 15]),
        (GITHUB, {}, [5, 5, 10]),
        ([PENDING, *GONE, PENDING], {}, [5, 5, 10, 20, 90, 90]),
        ([PENDING, b"", PENDING], {}, [5, 5, 10, 10]),
    ],
    ids=[
        "as often as the server wants",
        "without a word every five seconds",
        "slow_down adds five seconds for good",
        "so it does where a 200 says it",
        "less often while the server fails",
        "later where an answer is lost",
    ],
)
async def test_nobody_is_asked_faster_than_the_server_wants(polls, code, slept):
    async with scene(*polls, code=code) as one:
        await one.log_in()
    assert one.clock.slept == slept


async def test_a_server_that_is_away_is_asked_again_until_the_code_runs_out():
    async with scene(PENDING) as one:
        code = {}

        def gone(shown):
            code["shown"] = shown
            one.http.steps.origin = "http://127.0.0.1:1"

        with pytest.raises(AuthenticationFailed) as caught:
            await one.logged_in(gone)
    assert "nobody approved the login within 15 min" in caught.value.message
    assert one.clock.slept[:6] == [5, 10, 20, 40, 60, 60]


# What may be wrong


@pytest.mark.parametrize(
    ("polls", "message"),
    [
        # as where the answer that was lost was the one with the token
        ([b"", "invalid_grant"], "the server does not know this code any more"),
        ([PENDING, "access_denied"], "the login was denied"),
        ([PENDING, "expired_token"], "nobody approved the login within 15 min"),
    ],
)
async def test_a_code_of_which_nothing_more_can_come_is_told_as_such(polls, message):
    async with scene(*polls) as one:
        error = await one.fails()
    assert (error.message, error.exit_code) == (message, 4)
    assert error.hint == "begin again: notifyws auth login"


async def test_a_code_that_ran_out_is_not_asked_for_any_more():
    async with scene(*[PENDING] * 9, code={"expires_in": 22}) as one:
        error = await one.fails()
    assert error.message == "nobody approved the login within 22 s"
    assert len(one.server.asked) == 4


async def test_nobody_waits_for_longer_than_the_code_lives():
    async with scene(PENDING, code={"expires_in": 22, "interval": 86_400}) as one:
        error = await one.fails()
    assert error.message == "nobody approved the login within 22 s"
    assert sum(one.clock.slept) == pytest.approx(22)


async def test_a_pause_longer_than_the_code_lives_leaves_time_to_ask_once():
    async with scene(code={"expires_in": 6, "interval": 1e308}) as one:
        await one.log_in()
    assert len(one.server.asked) == 1


async def test_a_client_that_the_server_does_not_know_is_told_what_to_correct():
    async with scene(variables={"client_id": "nobody"}) as one:
        error = await one.fails()
    assert "gives this program no code and no token: invalid_client" in error.message
    assert "client_id" in error.hint


async def test_an_answer_of_another_kind_is_told_as_it_is():
    async with scene(json_answer({"error": "unsupported_grant_type"}, 400)) as one:
        error = await one.fails(HttpRefused)
    assert "/token answered 400: unsupported_grant_type" in error.message


async def test_a_grant_without_a_token_is_no_login():
    async with scene(json_answer({"token_type": "Bearer"})) as one:
        error = await one.fails(ReplyLost)
    assert "the reply holds no access token" in error.message


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ({"device_code": None}, "device_code"),
        ({"user_code": None}, "user_code"),
        ({"user_code": "  "}, "user_code"),
        ({"user_code": "a\x1b[31mb"}, "user_code"),
        ({"user_code": "x" * 65}, "user_code"),
        ({"verification_uri": f"https://{'x' * 2000}"}, "verification_uri"),
        ({"verification_uri": None}, "verification_uri"),
        ({"verification_uri": "javascript:alert(1)"}, "verification_uri"),
        ({"verification_uri": "file:///etc/passwd"}, "verification_uri"),
        ({"verification_uri": "https://a\x1b]8;;b"}, "verification_uri"),
        ({"verification_uri": ["https://a"]}, "verification_uri"),
    ],
)
async def test_an_answer_that_lacks_what_a_person_needs_is_no_code(code, missing):
    async with scene(code=code) as one:
        error = await one.fails(NetworkFailed)
    assert f"the reply holds no {missing}" in error.message
    assert not one.shown


@pytest.mark.parametrize("nonsense", [0, -1, "soon", True, None, [], "NaN", 10**400])
async def test_numbers_that_make_no_sense_count_as_none(nonsense):
    async with scene(PENDING, code={"expires_in": nonsense}) as one:
        await one.log_in()
    assert one.shown[0].lifetime == 600


async def test_googles_older_name_for_the_page_is_understood():
    code = {"verification_uri": None, "verification_url": "https://google.example/d"}
    async with scene(code={**code, "verification_uri_complete": None}) as one:
        await one.log_in()
    assert one.shown[0].url == "https://google.example/d"
    assert one.shown[0].complete_url == ""


# What becomes of the tokens


def auth(url, toml, folder, **settings) -> Authenticator:
    (folder / "acme.toml").write_text(toml)
    settings = {"cache_url": f"sqlite://{folder}/t.db", "keyring": False, **settings}
    profile = str(folder / "acme.toml")
    one = Authenticator(Settings(url=url, profile=profile, **settings), [].append)
    at_the_end(one.aclose)
    return one


async def test_tokens_are_cached_refreshed_and_renewed_like_any_others(tmp_path):
    server = OAuthServer(code={"interval": 0.01})
    async with httpd(server.story) as one:
        first = auth(one.url, DEVICE, tmp_path)
        assert first.by_device
        token, _ = await log_in_by_device(first, lambda code: None)
        second = auth(one.url, DEVICE, tmp_path)
        assert (await second.tokens.get()).value == token.value
        renewed = await second.tokens.renew(token.value)
        assert (renewed.value, renewed.source) == ("sentinel-access-2", "refresh")
    assert len(server.asked) == 1


async def test_without_tokens_a_command_says_that_somebody_has_to_log_in(tmp_path):
    server = OAuthServer()
    async with httpd(server.story) as one:
        # A password is of no use there, and nothing is asked with it.
        someone = auth(one.url, DEVICE, tmp_path, username="me", password="pw")
        with pytest.raises(AuthenticationFailed) as caught:
            await someone.tokens.get()
    assert not one.requests
    assert "somebody has to approve it in a browser" in caught.value.message
    assert caught.value.hint == "notifyws auth login"


async def test_a_refresh_token_that_is_refused_wants_a_new_login(tmp_path):
    server = OAuthServer(code={"interval": 0.01})
    async with httpd(server.story) as one:
        someone = auth(one.url, DEVICE, tmp_path)
        token, _ = await log_in_by_device(someone, lambda code: None)
        server.refresh_token = "another"
        for _ in range(2):
            with pytest.raises(AuthenticationFailed) as caught:
                await someone.tokens.renew(token.value)
            assert caught.value.hint == "notifyws auth login"
    assert server.grants.count("refresh_token") == 1


async def test_the_library_shows_a_code_where_nothing_else_is_left(tmp_path):
    server, shown = OAuthServer(code={"interval": 0.01}), []
    async with httpd(server.story) as one:
        settings = auth(one.url, DEVICE, tmp_path).settings
        async with NotificationService(settings, listed=False) as service:
            with pytest.raises(AuthenticationFailed):
                await service.authenticate()
            for _ in range(2):
                token = await service.authenticate(shown.append)
                assert token == "sentinel-access-1"
    assert [code.user_code for code in shown] == [USER_CODE]


# A program as itself


@pytest.mark.parametrize("secret_in", ["basic", "form"])
async def test_a_program_logs_in_as_itself(tmp_path, secret_in):
    toml = MACHINE.replace("scope", f'secret_in = "{secret_in}"\nscope')
    server = OAuthServer()
    async with httpd(server.story) as one:
        someone = auth(one.url, toml, tmp_path, username=CLIENT, password=SECRET)
        assert not someone.by_device
        token = await someone.tokens.get()
        await someone.tokens.renew(token.value)  # by another login: it has no refresh
    assert server.grants == ["client_credentials"] * 2
    assert server.scopes == ["news"] * 2


async def test_a_wrong_secret_is_refused_like_a_password(tmp_path):
    server = OAuthServer()
    async with httpd(server.story) as one:
        someone = auth(one.url, MACHINE, tmp_path, username=CLIENT, password="no")
        for said in (f"username or password of {CLIENT}", "less than a minute ago"):
            with pytest.raises(AuthenticationFailed) as caught:
                await someone.tokens.get()
            assert said in caught.value.message
    assert len(server.grants) == 1


async def test_a_server_may_know_people_and_programs(tmp_path):
    """A password, as a program has one, goes before the code."""
    table = MACHINE.partition("[http.client")[2].partition("[[rules]]")[0]
    both = DEVICE.replace("[[rules]]", f"[http.client{table}[[rules]]")
    async with httpd(OAuthServer().story) as one:
        assert auth(one.url, both, tmp_path).by_device
        program = auth(one.url, both, tmp_path, username=CLIENT, password=SECRET)
        assert not program.by_device
        assert (await program.tokens.get()).source == "login"
