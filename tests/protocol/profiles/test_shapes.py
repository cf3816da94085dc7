"""Servers of no kind that is built in, by profiles written from the docs."""

import asyncio
import re
from functools import partial
from pathlib import Path

import pytest

from notifyws.errors import AuthenticationFailed, ConfigurationError
from notifyws.protocol.profile_text import parse
from tests.protocol.profiles.stage import (
    end_of,
    ended,
    gaps,
    listening,
    stage,
    stays,
    until,
)
from tests.support.httpd import answer, json_answer
from tests.support.profile_scene import cutting, scene, telling

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page):
    """Return what a page shows of profiles, in its order."""
    return re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


TUTORIAL = blocks("profiles.md")
BLOCKS = [*TUTORIAL, *blocks("profile-recipes.md")]
ACME = "\n".join(TUTORIAL)
"""What whoever goes through the tutorial has in the end."""
RULE = '\n[[rules]]\nthen = "notification"\n'
USER = {"username": "me", "password": "sentinel-password"}


@pytest.mark.parametrize("block", BLOCKS)
def test_every_profile_and_part_of_one_in_the_documentation_is_sound(block):
    named = block if re.search(r"^name =", block, re.M) else f'name = "x"\n{block}'
    text = named if "[[rules]]" in named else named + RULE
    places = "" if "[tokens]" in text else '\n[tokens]\naccess = "a"\n'
    parse(text + places, "docs")


def written(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    return str(path)


def own(tmp_path, text, *stories):
    """A listener of a profile of one's own, beside a server of that kind."""
    return scene(written(tmp_path, text + RULE), *stories, token="T")


async def test_the_tutorials_profile_works(tmp_path):
    def token(request):
        assert request.body.startswith(b"grant_type=password&username=me&password=")
        return json_answer({"auth": {"token": "T", "ttl": 600_000, "user": "u7"}})

    def alerts(*numbers):
        found = [{"id": n, "headline": f"h{n}", "at": 1700000000} for n in numbers]
        return {"op": "alerts", "groups": [{"severity": 1, "alerts": found}]}

    async def greet(socket, **more):
        await socket.say({"op": "hello", "session": "s1"})
        assert await socket.hears() == {"op": "auth", "token": "T", "session": "s1"}
        await socket.say({"op": "ready"})
        assert await socket.hears() == {"op": "subscribe", **more}

    async def ping(socket):
        await socket.say({"op": "ping"})
        assert await socket.hears() == {"op": "pong", "n": 1}

    async def acknowledge(socket):
        for reply in ({"op": "raised"}, {"op": "refused", "reason": "full"}):
            raised = await socket.hears()
            await socket.say({**reply, "ref": raised["ref"]})

    first = cutting(greet, ping, alerts(1, 2), after=0.05)
    second = telling(partial(greet, after=2), alerts(2, 3), acknowledge)
    there = {"answers": {"POST /oauth/token": token}, **USER}
    async with scene(written(tmp_path, ACME), first, second, **there) as seen:
        await until(lambda: len(seen.found) == 3)
        told = [(n.type, n.title) for n in seen.found]
        assert told == [("critical", title) for title in ("h1", "h2", "h3")]
        message = {"type": "x", "payload": {"title": "t", "message": "m"}}
        assert (await seen.service.send(message)).status == "delivered"
        with pytest.raises(Exception, match="full"):
            await seen.service.send(message)
        assert await seen.service.get_user_id() == "u7"
        assert not gaps(seen.events)


async def test_the_tutorials_profile_knows_a_wrong_password(tmp_path):
    refused = {"error": "invalid_grant", "error_description": "no such user"}
    answers = {"POST /oauth/token": lambda _: json_answer(refused, 400)}
    end = await end_of(stays, written(tmp_path, ACME), answers, **USER)
    assert isinstance(end, AuthenticationFailed)
    assert "no such user" in end.message


async def test_a_silent_server_is_asked_whether_the_token_is_good(tmp_path):
    text = """
name = "silent"
[http.verify]
method = "GET"
path = "/me"
headers = { Authorization = "Token {access_token}" }
[socket]
token = "Token {access_token}"
"""

    def me(request):
        good = request.headers["authorization"] == "Token good"
        return answer(200 if good else 401)

    profile = written(tmp_path, text + RULE)
    async with stage({"GET /me": me}, stays) as one:
        async with listening(one, profile, token="good"):
            (socket,) = one.sockets
        assert socket.request.headers["authorization"] == "Token good"
        end = await ended(one, profile, token="bad")
        assert isinstance(end, AuthenticationFailed)
        assert one.sockets == [socket]


async def test_nothing_is_sent_to_a_server_that_hangs_up_at_any_frame(tmp_path):
    text = 'name = "mute"\n[socket]\ntoken_in = "query:t"\n'
    text += "[keepalive]\nwebsocket_pings = false\n"

    def wait(socket):
        return asyncio.sleep(0.2)

    story = telling({"type": "a"}, wait, {"type": "b"})
    async with own(tmp_path, text, story) as seen:
        await until(lambda: len(seen.found) == 2)
        (socket,) = seen.server.sockets
        assert (socket.heard, socket.pings) == ([], 0)


async def test_a_snapshot_without_ids_repeats_nothing_but_two_equals_are_two(tmp_path):
    text = 'name = "snap"\n[resume]\nsnapshot = true\n'
    held = [{"type": kind} for kind in "aabbc"]
    stories = cutting(*held[:3], after=0.05), telling(*held)
    async with own(tmp_path, text, *stories) as seen:
        await until(lambda: len(seen.found) == 5)
        assert [n.type for n in seen.found] == [*"aabbc"]


async def test_a_dead_line_is_noticed_by_its_silence_or_a_missing_answer(tmp_path):
    silent = "[keepalive]\nwebsocket_pings = false\nsilence = 0.3\n"
    asking = '[keepalive]\nwebsocket_pings = false\nping = { send = { p = "{seq}" }'
    asking += ", every = 0.1, answer_within = 0.2 }\n"
    for text, reason in ((silent, "nothing was heard"), (asking, "no answer")):
        async with own(tmp_path, 'name = "dead"\n' + text, stays) as seen:
            events = seen.events
            await until(lambda e=events: any(x.name == "disconnected" for x in e))
            lost = next(x for x in events if x.name == "disconnected")
            assert reason in lost.reason


async def test_an_auth_failure_on_a_live_socket_ends_in_one(tmp_path):
    text = 'name = "late"\n[[rules]]\nmatch = { type = "out" }\n'
    text += 'then = "auth failed"\nmessage = "why"\n'
    out = telling({"type": "out", "why": "banned"})
    end = await end_of(out, written(tmp_path, text + RULE), token="T")
    assert isinstance(end, AuthenticationFailed)


@pytest.mark.parametrize(
    "part",
    [
        '[http.login]\npath = "//evil.example/x"',
        '[http.login]\npath = "https://evil.example/x"',
        '[http.login]\npath = "/\\\\evil.example"',
        '[socket]\npath = "//evil.example"',
        '[socket]\nurl = "wss://evil.example"',
        '[[handshake]]\nsend = "{env.HOME}"',
        '[[handshake]]\nsend = "{file}"',
        '[[handshake]]\nsend = "{username|sh}"',
        '[[handshake]]\nexpect = "' + "|".join(["[@,@]"] * 30) + '"',
        '[[handshake]]\nexpect = "' + "!" * 1500 + 'a"',
        '[[handshake]]\nexpect = "' + "a" * 5000 + '"',
    ],
)
def test_a_hostile_profile_is_refused_before_anything_is_sent(part):
    with pytest.raises(ConfigurationError):
        parse(f'name = "evil"\n{part}\n{RULE}', "evil.toml")


async def test_what_a_server_gives_cannot_lead_to_another_origin(tmp_path):
    text = """
name = "steps"
[[http.login]]
path = "/one"
capture = { next = "next" }
[[http.login]]
path = "/two/{next}"
[tokens]
access = "token"
"""
    hostile = "@evil.example/../..//x?a#b"
    answers = {"POST /one": lambda _: json_answer({"next": hostile})}
    async with stage(answers) as one:
        end = await ended(one, written(tmp_path, text + RULE), max_retries=0, **USER)
        assert "404" in end.message
        target = one.requests[1].target
        assert target.startswith("/two/%40evil.example%2F..")
        assert one.requests[1].headers["host"] == one.requests[0].headers["host"]
