"""Tokens renewed at servers that do not say that they took one, or never do."""

from __future__ import annotations

import pytest

from notifyws.events import Disconnected
from tests.protocol.profiles.stage import Socket, ended, stage, until
from tests.support.httpd import json_answer
from tests.support.profile_scene import scene

PROFILE = """
name = "quiet"
[http.login]
path = "/login"
[tokens]
access = "token"
[socket]
token_in = "none"
[[rules]]
match = { type = "expired" }
then = "token expired"
[[rules]]
then = "notification"
[renewal]
how = "frame"
frame = { token = "{access_token}" }
fail = [{ when = "type == 'no'", means = "retry", message = "why" }]
timeout = 0.2
"""


@pytest.mark.parametrize("answer", [None, {"type": "no", "why": "too soon"}])
async def test_silence_is_consent_where_the_server_says_nothing(tmp_path, answer):
    async def story(socket: Socket) -> None:
        for _ in range(2):
            await socket.say({"type": "expired"})
            await socket.hears()
            if answer is not None:
                await socket.say(answer)
        await socket.say({"type": "a", "title": "still there"})
        await socket.stay()

    def login(_):
        logins.append(1)
        return json_answer({"token": f"t{len(logins)}"})

    logins: list[int] = []
    path = tmp_path / "p.toml"
    path.write_text(PROFILE)
    who = {"username": "me", "password": "right"}
    async with scene(str(path), story, answers={"POST /login": login}, **who) as seen:
        if answer is None:
            await until(lambda: seen.found)
            said = [each["token"] for each in seen.server.sockets[0].heard]
            assert said == ["t2", "t3"]
        else:
            await until(lambda: len(seen.server.sockets) == 2)
            (lost, *_) = (
                each for each in seen.events if isinstance(each, Disconnected)
            )
            assert lost.reason == "the server does not take the new token: too soon"


@pytest.mark.parametrize("how", ["reconnect", "frame"])
async def test_a_server_that_calls_every_token_expired_is_left_in_the_end(
    tmp_path, how
):
    async def story(socket: Socket) -> None:
        while True:
            await socket.say({"type": "expired"})
            await socket.hears()

    def login(_):
        return json_answer({"token": f"t{len(server.asked('/login'))}"})

    path = tmp_path / "p.toml"
    frame = PROFILE.partition("how =")[0]
    path.write_text(PROFILE if how == "frame" else f'{frame}how = "{how}"\n')
    who = {"username": "me", "password": "right"}
    async with stage({"POST /login": login}, story) as server:
        error = await ended(server, str(path), **who)
    assert error.exit_code == 4
    assert error.message == "the server calls every new token expired"
    assert len(server.asked("/login")) == 5
