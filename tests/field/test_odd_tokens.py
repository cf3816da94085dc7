"""A token that no header can carry is refused where it comes in, and never cached."""

from __future__ import annotations

import pytest

from tests.support.catalogue import sample
from tests.support.httpd import in_a_thread, json_answer, says

ODD = ["a\r\nb", "a\x1b]0;b", "a\u202eb", "a\ud800b", "a b", "é", ""]


@pytest.mark.parametrize("odd", sample(*ODD))
@pytest.mark.parametrize(
    "command", ["token", "listen --json --no-reconnect", "auth login"]
)
def test_a_token_of_a_login_that_nobody_can_show(home, command, odd):
    with in_a_thread(says(json_answer({"accessToken": odd}))) as server:
        env = {"WEBSOCKET_SERVER_URL": server.url}
        env |= {"WEBSOCKET_USERNAME": "me", "WEBSOCKET_PASSWORD": "secret"}
        done = home.within(*command.split(), env=env)
        again = home.within("token", env=env)
    assert (done.returncode, done.stdout) == (5, "")
    assert "answered, but " in done.stderr
    assert (again.returncode, again.stdout) == (5, ""), "it was cached"


@pytest.mark.parametrize("odd", sample("a\nb", "a\x1bb", "a\u202eb"))
@pytest.mark.parametrize("command", ["token", "listen", "auth whoami", "send -m x"])
def test_a_ready_made_one_that_nobody_can_show(home, command, odd):
    env = {"NOTIFYWS_TOKEN": odd, "WEBSOCKET_SERVER_URL": "ws://127.0.0.1:1"}
    done = home.within(*command.split(), env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the access token is not printable ASCII" in done.stderr
    assert "NOTIFYWS_TOKEN" in done.stderr
