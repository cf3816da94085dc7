"""Who may speak to the server at all, and how they log in."""

from __future__ import annotations

import asyncio
import json

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


# Login, refresh and logout


@told
async def test_a_login_gives_everything_a_client_needs():
    async with world(access_ttl=60, refresh_ttl=600.5) as one:
        tokens = await one.login()
        assert tokens["userId"] == "42"
        assert (tokens["expiresIn"], tokens["refreshExpiresIn"]) == (60, 600.5)
        assert tokens["accessToken"].count(".") == 2
        assert (await one.stats())["logins"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"username": "demo", "password": "wrong"},
        {"username": "nobody", "password": ""},
        {"username": "demo", "password": ""},
        {"username": "demo", "password": "d\ud800mo"},
    ],
)
@told
async def test_bad_credentials_are_refused(body):
    async with world() as one:
        answer = await one.http.post("/auth/login", content=json.dumps(body))
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_credentials"
        assert (await one.stats())["failedLogins"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b"\xff", b"{}", b'{"username":1,"password":"x"}']
)
@pytest.mark.parametrize("path", ["login", "refresh", "logout"])
@told
async def test_a_malformed_request_is_told_so(path, body):
    async with world() as one:
        answer = await one.http.post(f"/auth/{path}", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "malformed"


@told
async def test_a_refresh_rotates_and_a_spent_token_is_refused():
    async with world() as one:
        first = await one.login()
        second = await one.refresh(first["refreshToken"])
        assert second.status_code == 200
        assert second.json().keys() == first.keys()
        spent = await one.refresh(first["refreshToken"])
        assert spent.status_code == 401
        assert spent.json()["error"]["code"] == "invalid_refresh_token"
        third = await one.refresh(second.json()["refreshToken"])
        assert third.status_code == 200
        stats = await one.stats()
        assert (stats["refreshes"], stats["failedRefreshes"]) == (2, 1)


@told
async def test_a_logout_revokes_its_session_and_no_other():
    async with world() as one:
        mine, other = await one.login(), await one.login()
        assert (await one.logout(mine["refreshToken"])).status_code == 204
        assert (await one.logout(mine["refreshToken"])).status_code == 404
        assert (await one.refresh(mine["refreshToken"])).status_code == 401
        assert (await one.refused(mine["accessToken"])).status_code == 401
        async with one.open(other["accessToken"]):
            assert (await one.stats())["logouts"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/auth/login", 405), ("GET", "/", 404), ("POST", "/elsewhere", 404)],
)
@told
async def test_everything_else_is_an_error_in_json(method, path, status):
    async with world() as one:
        answer = await one.http.request(method, path)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]


@told
async def test_no_log_line_holds_a_token_or_a_password():
    async with world(users={"ann": "sesame"}) as one:
        tokens = await one.login("ann", "sesame")
        async with one.open(path=f"/?token={tokens['accessToken']}"):
            pass
        await one.refresh(tokens["refreshToken"])
        await one.http.post("/auth/login", json={"username": "x", "password": "pw"})
        text = "\n".join(line for _, line in one.lines)
        assert "login" in text
        for secret in ("sesame", "pw", tokens["accessToken"], "eyJ"):
            assert secret not in text


@pytest.mark.parametrize("host", ["localhost", "stranger"])
@told
async def test_a_client_that_leaves_in_mid_request_is_no_trouble(host):
    async with world() as one:
        _, writer = await asyncio.open_connection("127.0.0.1", one.server.port)
        head = (
            f"POST /auth/login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\n{{"
        )
        writer.write(head.encode())
        await asyncio.sleep(0.01)
        writer.close()
        await writer.wait_closed()
        await one.login()
