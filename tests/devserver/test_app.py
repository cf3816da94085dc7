"""Who may speak to the server at all, how they log in, and the side under ``/_dev``."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.devserver.support import (
    TWO,
    UPGRADE,
    connected,
    ending,
    receive,
    until,
    world,
)

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
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
]


@pytest.mark.parametrize("headers", STRANGE, ids=str)
async def test_a_stranger_is_refused_everywhere(headers):
    async with world() as one:
        login = await one.log_in(headers=headers)
        cut = await one.http.post("/_dev/cut", json={}, headers=headers)
        stats = await one.http.get("/_dev/stats", headers=headers)
        assert {each.status_code for each in (login, cut, stats)} == {403}
        upgrade = {"Host": f"127.0.0.1:{one.server.port}", **UPGRADE, **headers}
        token = await one.token()
        answer = await one.http.get(f"/?token={token}", headers=upgrade)
        assert answer.status_code == 403
        assert (await one.stats())["connections"] == 0


async def test_a_stranger_is_refused_before_all_is_said():
    async with world() as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.server.port)
        head = "POST /_dev/cut HTTP/1.1\r\nHost: evil.example\r\n"
        writer.write(f"{head}Content-Length: {1 << 26}\r\n\r\n".encode())
        writer.write(bytes(100_000))
        async with asyncio.timeout(5):
            assert b" 403 " in await reader.readline()
        writer.close()


@pytest.mark.parametrize("port", ["", ":8765"])
@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "LocalHost", "127.1.2.3"]
)
async def test_whoever_is_on_this_machine_is_let_in(host, port):
    async with world() as one:
        named = {"Host": host + port}
        for headers in (named, {**named, "Origin": f"http://{host}{port}"}):
            answer = await one.http.get("/_dev/stats", headers=headers)
            assert answer.status_code == 200


async def test_a_link_may_lead_to_its_page_but_not_in_anothers_name():
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    async with world() as one:
        assert (await one.http.get("/", headers=link)).status_code == 200
        strange = {**link, "Host": "evil.example"}
        assert (await one.http.get("/", headers=strange)).status_code == 403
        assert (await one.http.post("/_dev/cut", headers=link)).status_code == 403


# Login, refresh and logout


async def test_a_login_gives_everything_a_client_needs():
    async with world(access_ttl=60, refresh_ttl=600.5) as one:
        tokens = await one.login()
        assert tokens["userId"] == "42"
        assert (tokens["expiresIn"], tokens["refreshExpiresIn"]) == (60, 600.5)
        assert tokens["accessToken"].count(".") == 2
        assert (await one.stats())["logins"] == 1


@pytest.mark.parametrize(
    "pair", [("demo", "wrong"), ("nobody", ""), ("demo", ""), ("demo", "d\ud800mo")]
)
async def test_bad_credentials_are_refused(pair):
    async with world() as one:
        answer = await one.log_in(*pair)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_credentials"
        assert (await one.stats())["failedLogins"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b"\xff", b"{}", b'{"username":1,"password":"x"}']
)
@pytest.mark.parametrize("path", ["login", "refresh", "logout"])
async def test_a_malformed_request_is_told_so(path, body):
    async with world() as one:
        answer = await one.http.post(f"/auth/{path}", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "malformed"


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
    [("GET", "/auth/login", 405), ("GET", "/page", 404), ("POST", "/elsewhere", 404)],
)
async def test_everything_else_is_an_error_in_json(method, path, status):
    async with world() as one:
        answer = await one.http.request(method, path)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]


async def test_no_log_line_holds_a_token_or_a_password():
    async with world(users={"ann": "sesame"}) as one:
        tokens = await one.login("ann", "sesame")
        async with one.open(path=f"/?token={tokens['accessToken']}"):
            pass
        await one.refresh(tokens["refreshToken"])
        await one.log_in("x", "pw")
        text = "\n".join(line for _, line in one.lines)
        assert "login" in text
        for secret in ("sesame", "pw", tokens["accessToken"], "eyJ"):
            assert secret not in text


@pytest.mark.parametrize("host", ["localhost", "stranger"])
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


async def test_notify_publishes_one_or_many_and_gives_their_ids():
    async with connected() as (one, socket):
        first = await one.dev("notify", {"type": "a", "color": "red"})
        rest = await one.dev("notify", [{"type": "b"}, {"type": "c"}])
        seen = await receive(socket, 3)
        assert [each["id"] for each in seen] == [first["id"], *rest["ids"]]
        assert [each["type"] for each in seen] == ["a", "b", "c"]
        assert seen[0]["color"] == "red"


async def test_cut_closes_with_a_code_or_without_a_word():
    async with world(users=TWO) as one:
        ann = await one.token("ann")
        bob = await one.token("bob")
        async with one.open(ann) as a, one.open(bob) as b:
            order = {"code": 4003, "reason": "go", "user": "ann"}
            assert await one.dev("cut", order) == {"cut": 1}
            assert await ending(a) == (4003, "go")
            assert await one.dev("cut") == {"cut": 1}
            assert await ending(b) == (1006, "")
        codes = [(each["code"], each["user"]) for each in (await one.stats())["closes"]]
        assert codes == [(4003, "ann"), (1006, "bob")]


async def test_a_client_that_does_not_answer_a_close_is_cut():
    async with world(closing_grace=0.05) as one:
        token = await one.token()
        async with one.open(token, max_queue=1, close_timeout=0.1) as stuck:
            for _ in range(4):  # fills its queue: it reads no more
                await one.dev("notify", [{"message": "x" * 60_000}] * 50)
            await one.dev("cut", {"code": 4003})
            await one.dev("cut", {"code": 4004})  # the first ending stands
            async with asyncio.timeout(1.5):
                await until(one, live=0)
            assert (await ending(stuck))[0] == 1006
            assert [each["code"] for each in (await one.stats())["closes"]] == [4003]


async def test_revoke_refuses_access_tokens_and_leaves_refresh_tokens():
    async with world() as one:
        tokens = await one.login()
        assert await one.dev("revoke") == {"revoked": 1}
        assert (await one.refused(tokens["accessToken"])).status_code == 401
        again = (await one.refresh(tokens["refreshToken"])).json()
        async with one.open(again["accessToken"]):
            pass


async def test_raw_frames_go_out_as_they_are_and_in_their_turn():
    async with connected() as (one, socket):
        await one.dev("notify", [{"title": "1"}] * 300)
        assert await one.dev("raw", {"text": "}{ é"}) == {"sent": 1}
        await one.dev("notify", {"title": "2"})
        frames = [await socket.recv() for _ in range(302)]
        assert frames[300] == "}{ é"
        assert json.loads(frames[301])["title"] == "2"


async def test_a_mode_makes_answers_fail_until_it_is_reset():
    async with world() as one:
        tokens = await one.login()
        mode = {"login_status": 503, "refresh_status": 500, "upgrade_status": 429}
        await one.dev("mode", {**mode, "retry_after": 7})
        answer = await one.log_in()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        assert (await one.refresh(tokens["refreshToken"])).status_code == 500
        refusal = await one.refused(tokens["accessToken"])
        assert (refusal.status_code, refusal.headers["retry-after"]) == (429, "7")
        await one.dev("mode", {})
        assert (await one.refresh(tokens["refreshToken"])).status_code == 200


async def test_a_mode_delays_answers():
    async with world() as one:
        await one.dev("mode", {"delay": 0.05})
        loop = asyncio.get_running_loop()
        before = loop.time()
        await one.login()
        assert loop.time() - before >= 0.05


@pytest.mark.parametrize(
    ("order", "body", "words"),
    [
        ("notify", {"user": "nobody"}, "no user"),
        ("notify", {"user": ["demo"]}, "no user"),
        ("notify", [3], "a JSON object"),
        ("notify", 3, "a JSON object"),
        *(
            ("cut", {"code": code}, "a close code is")
            for code in ([1], {}, "1000", True, 1005, 1006, 7, 1e3)
        ),
        ("cut", {"user": "nobody"}, "no user"),
        ("cut", {"code": 4000, "reason": "é" * 62}, "at most 123 bytes"),
        ("raw", {}, "text is expected"),
        ("raw", {"text": "\ud800"}, "surrogate"),
        ("mode", {"speed": 3}, "no mode"),
        ("mode", {"delay": "x"}, "from 0 to 3600"),
        ("mode", {"delay": -1}, "from 0 to 3600"),
        ("mode", {"login_status": 99}, "from 200 to 599"),
    ],
)
async def test_an_order_that_cannot_be_done_is_refused_in_words(order, body, words):
    async with world() as one:
        answer = await one.http.post(f"/_dev/{order}", content=json.dumps(body))
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "content", [b"nonsense", b"\xff", b"[" * 100_000, b'{"data":NaN}']
)
async def test_a_body_that_is_not_json_is_refused(content):
    async with world() as one:
        answer = await one.http.post("/_dev/notify", content=content)
        assert answer.status_code == 400
