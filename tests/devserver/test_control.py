"""The control side under ``/_dev``."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.devserver.support import TWO, connected, ending, receive, until, world
from tests.support.examining import told


@told
async def test_notify_publishes_one_or_many_and_gives_their_ids():
    async with connected() as (one, socket):
        first = await one.dev("notify", {"type": "a", "color": "red"})
        rest = await one.dev("notify", [{"type": "b"}, {"type": "c"}])
        seen = await receive(socket, 3)
        assert [each["id"] for each in seen] == [first["id"], *rest["ids"]]
        assert [each["type"] for each in seen] == ["a", "b", "c"]
        assert seen[0]["color"] == "red"


@told
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


@told
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


@told
async def test_revoke_refuses_access_tokens_and_leaves_refresh_tokens():
    async with world() as one:
        tokens = await one.login()
        assert await one.dev("revoke") == {"revoked": 1}
        assert (await one.refused(tokens["accessToken"])).status_code == 401
        again = (await one.refresh(tokens["refreshToken"])).json()
        async with one.open(again["accessToken"]):
            pass


@told
async def test_raw_frames_go_out_as_they_are_and_in_their_turn():
    async with connected() as (one, socket):
        await one.dev("notify", [{"title": "1"}] * 300)
        assert await one.dev("raw", {"text": "}{ é"}) == {"sent": 1}
        await one.dev("notify", {"title": "2"})
        frames = [await socket.recv() for _ in range(302)]
        assert frames[300] == "}{ é"
        assert json.loads(frames[301])["title"] == "2"


@told
async def test_a_mode_makes_answers_fail_until_it_is_reset():
    async with world() as one:
        tokens = await one.login()
        mode = {"login_status": 503, "refresh_status": 500, "upgrade_status": 429}
        await one.dev("mode", {**mode, "retry_after": 7})
        body = {"username": "demo", "password": "demo"}
        answer = await one.http.post("/auth/login", json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        assert (await one.refresh(tokens["refreshToken"])).status_code == 500
        refusal = await one.refused(tokens["accessToken"])
        assert (refusal.status_code, refusal.headers["retry-after"]) == (429, "7")
        await one.dev("mode", {})
        assert (await one.refresh(tokens["refreshToken"])).status_code == 200


@told
async def test_a_mode_delays_answers():
    async with world() as one:
        await one.dev("mode", {"delay": 0.05})
        loop = asyncio.get_running_loop()
        before = loop.time()
        await one.login()
        assert loop.time() - before >= 0.05


@pytest.mark.parametrize(
    ("order", "body"),
    [
        ("notify", {"user": "nobody"}),
        ("notify", {"user": ["demo"]}),
        ("notify", [3]),
        ("notify", 3),
        ("cut", {"code": 1006}),
        ("cut", {"code": "x"}),
        ("cut", {"user": "nobody"}),
        ("cut", {"code": 4000, "reason": "é" * 62}),
        ("raw", {}),
        ("raw", {"text": "\ud800"}),
        ("mode", {"speed": 3}),
        ("mode", {"delay": "x"}),
        ("mode", {"delay": -1}),
        ("mode", {"login_status": 99}),
    ],
)
@told
async def test_an_order_that_cannot_be_done_is_refused(order, body):
    async with world() as one:
        answer = await one.http.post(f"/_dev/{order}", content=json.dumps(body))
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "content", [b"nonsense", b"\xff", b"[" * 100_000, b'{"data":NaN}']
)
@told
async def test_a_body_that_is_not_json_is_refused(content):
    async with world() as one:
        answer = await one.http.post("/_dev/notify", content=content)
        assert answer.status_code == 400
