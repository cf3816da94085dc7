"""A login that somebody approves in a browser, by the installed command."""

from __future__ import annotations

import json
import signal

import pytest

from tests.e2e.support import until
from tests.support.httpd import in_a_thread
from tests.support.oauth import (
    CLIENT,
    DEVICE,
    DEVICE_CODE,
    MACHINE,
    SECRET,
    USER_CODE,
    OAuthServer,
)

QUICK = {"interval": 0.02}


@pytest.fixture
def serving(home):
    """Makes a server the configured one: what it answers, and how it speaks."""
    opened = []

    def start(*polls, toml=DEVICE, **how):
        known = OAuthServer(*polls, **{"code": QUICK, **how})
        opened.append(in_a_thread(known.story))
        known.url = opened[-1].__enter__().url
        (home.path / "acme.toml").write_text(toml)
        home.env |= {"WEBSOCKET_SERVER_URL": known.url}
        home.env |= {"NOTIFYWS_PROFILE": str(home.path / "acme.toml")}
        return known

    yield start
    for each in opened:
        each.__exit__(None, None, None)


def test_a_login_by_code_opens_the_way_for_every_other_command(home, serving):
    serving("authorization_pending")
    before = home.within("listen", "--json", "-n", "1")
    assert before.returncode == 4
    error = json.loads(before.stderr.splitlines()[-1])["error"]
    assert error["kind"] == "authentication_failed"
    assert "somebody has to approve it in a browser" in error["message"]
    assert error["hint"] == "notifyws auth login"
    login = home.within("auth", "login", "--json")
    assert login.returncode == 0, login.stderr
    assert json.loads(login.stdout)["accessExpiresIn"] == 600
    assert f"/device in any browser, and enter the code: {USER_CODE}" in login.stderr
    assert "\x1b" not in login.stderr  # a pipe gets no picture
    heard = home.within("listen", "-n", "1")
    assert json.loads(heard.stdout)["title"] == "Hi"
    shown = f"{login}{heard}"
    for secret in (DEVICE_CODE, "sentinel-access", "sentinel-refresh"):
        assert secret not in shown


def test_a_terminal_shows_a_code_for_a_telephone_and_saves_the_server(
    home, serving, terminal
):
    known = serving("authorization_pending")
    place = ("--url", known.url, "--profile", home.env["NOTIFYWS_PROFILE"])
    asked = terminal("auth", "login", "--save", "--name", "work", *place, rows=40)
    asked.shows("Next: notifyws listen")
    assert asked.wait() == 0
    assert "█▀▀▀▀▀█" in asked.text or "█ ▄▄▄▄▄ █" in asked.text
    assert "Username" not in asked.text
    assert "Password" not in asked.text
    saved = (home.path / ".config/notifyws/config.toml").read_text()
    assert "[servers.work]" in saved


def test_a_login_that_is_denied_says_so(home, serving):
    serving("access_denied")
    login = home.within("auth", "login")
    assert login.returncode == 4
    assert "error: the login was denied" in login.stderr
    assert "hint: begin again: notifyws auth login" in login.stderr


def test_a_password_for_a_login_by_code_is_refused(home, serving):
    serving()
    login = home.within("auth", "login", "--password-stdin", stdin="sentinel\n")
    assert login.returncode == 2
    assert "takes a code and no password" in login.stderr
    assert "leave --password-stdin out" in login.stderr


def test_ctrl_c_ends_the_waiting(home, serving):
    known = serving(*["authorization_pending"] * 10_000)
    waiting = home.start("auth", "login")
    until(lambda: known.asked, "a question for the token")
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.process.wait(10) == -signal.SIGINT
    assert "Traceback" not in waiting.err.text


def test_a_program_logs_in_with_its_secret_from_a_pipe(home, serving):
    known = serving(toml=MACHINE)
    who = ("--username", CLIENT, "--password-stdin")
    login = home.within("auth", "login", *who, stdin=f"{SECRET}\n")
    assert login.returncode == 0, login.stderr
    assert known.grants == ["client_credentials"]
    heard = home.within("listen", "-n", "1")
    assert json.loads(heard.stdout)["title"] == "Hi"
