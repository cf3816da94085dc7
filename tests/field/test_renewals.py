"""A token renewed in place at a server that does not say that it took it."""

from __future__ import annotations

import pytest

from notifyws.events import Disconnected
from tests.protocol.profiles.stage import Socket, listening, scene, stage, until
from tests.support.httpd import json_answer

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
@scene
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
    async with (
        stage({"POST /login": login}, story) as server,
        listening(server, str(path), **who) as (_, notifications, events),
    ):
        if answer is None:
            await until(lambda: notifications)
            said = [each["token"] for each in server.sockets[0].heard]
            assert said == ["t2", "t3"]
        else:
            await until(lambda: len(server.sockets) == 2)
            (lost, *_) = (each for each in events if isinstance(each, Disconnected))
            assert lost.reason == "the server does not take the new token: too soon"
