"""Who may speak to the server at all: nobody whom a web page brings along."""

from __future__ import annotations

import pytest

from tests.devserver.support import UPGRADE, world
from tests.support.examining import told

STRANGE = [
    {"Host": "evil.example"},
    {"Host": "evil.example:8765"},
    {"Host": "localhost.evil.example"},
    {"Host": "10.0.0.1"},
    {"Host": "[::"},
    {"Host": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:1"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Host": "evil.example", "Origin": "http://evil.example"},
]


@pytest.mark.parametrize("headers", STRANGE, ids=str)
@told
async def test_a_stranger_is_refused_everywhere(headers):
    async with world() as one:
        body = {"username": "demo", "password": "demo"}
        login = await one.http.post("/auth/login", json=body, headers=headers)
        cut = await one.http.post("/_dev/cut", json={}, headers=headers)
        stats = await one.http.get("/_dev/stats", headers=headers)
        assert {each.status_code for each in (login, cut, stats)} == {403}
        upgrade = {"Host": f"127.0.0.1:{one.server.port}", **UPGRADE, **headers}
        token = await one.token()
        answer = await one.http.get(f"/?token={token}", headers=upgrade)
        assert answer.status_code == 403
        assert (await one.stats())["connections"] == 0


@pytest.mark.parametrize("port", ["", ":8765"])
@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "LocalHost", "127.1.2.3"]
)
@told
async def test_whoever_is_on_this_machine_is_let_in(host, port):
    async with world() as one:
        named = {"Host": host + port}
        for headers in (named, {**named, "Origin": f"http://{host}{port}"}):
            answer = await one.http.get("/_dev/stats", headers=headers)
            assert answer.status_code == 200
