"""What was missed is fetched over HTTP, from servers that are only half back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.protocol.profiles.stage import listening, stage, until
from tests.support.httpd import answer, json_answer
from tests.support.profile_scene import cutting, scene, telling


def message(number: int) -> dict:
    said = {"id": number, "appid": 1, "title": "t", "message": str(number)}
    return said | {"priority": 5, "date": datetime.now(UTC).isoformat()}


cut = cutting(lambda socket: socket.say(message(1)), after=0.05)


stays = telling(lambda socket: socket.say(message(4)))


PAGE = b"<!doctype html><title>Gateway</title><p>Starting up"
BODIES = {
    "too many requests": answer(429, Retry_After="1"),
    "a gateway's page": answer(200, PAGE, Content_Type="text/html"),
    "a gateway's page with 502": answer(502, PAGE, Content_Type="text/html"),
    "an error in JSON": json_answer({"error": "database is locked"}),
    "nothing at all": answer(200),
    "a number that is no JSON": answer(200, b'{"messages": [{"id": 3, "x": NaN}]}'),
    "an endless number": answer(200, b'{"messages": [{"id": 3, "x": -1e999}]}'),
    "a cut line": b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{",
}
QUICK = {"retry_delays": (0.1,), "http_timeout": 0.5}
USER = {"username": "me", "password": "right"}


def answered(page: bytes):
    """Listen to a line that is cut once; whoever asks what was missed gets a page."""
    answers = {"GET /message": lambda _: page}
    return scene("gotify", cut, stays, answers=answers, token="t", **QUICK)


@pytest.mark.parametrize("said", BODIES.values(), ids=BODIES)
async def test_a_server_that_is_half_back_is_asked_again_before_it_is_a_gap(said):
    """gotify/server behind a proxy; nginx answers for it while it starts."""
    answers = [said]

    def messages(request):
        found = [message(3), message(2), message(1)]
        return answers.pop() if answers else json_answer({"messages": found})

    async with (
        stage({"GET /message": messages}, cut, stays) as one,
        listening(one, "gotify", token="t", **QUICK) as (_, found, events),
    ):
        await until(lambda: len(found) == 4)
        assert [each.id for each in found] == [1, 2, 3, 4]
        assert "gap" not in [event.name for event in events]


@pytest.mark.parametrize(
    "page",
    [
        answer(200, PAGE, Content_Type="text/html"),
        json_answer({"messages": "abc", "paging": {}}),
        json_answer({"messages": 7, "paging": {}}),
    ],
    ids=["a page", "a text", "a number"],
)
async def test_a_server_that_never_answers_with_it_costs_a_gap_that_says_so(page):
    async with answered(page) as seen:
        await until(lambda: len(seen.found) == 2)
        (gap,) = [event for event in seen.events if event.name == "gap"]
        assert "what was answered holds no notifications" in gap.reason
        assert len(seen.server.asked("/message")) == 4


async def test_a_token_that_is_refused_there_is_renewed():
    tokens = iter(("t1", "t2", "t3"))

    def client(request):
        return json_answer({"id": 1, "token": next(tokens)})

    def messages(request):
        if request.headers["x-gotify-key"] == "t1":
            return json_answer({"error": "Unauthorized"}, 401)
        return json_answer({"messages": [message(3), message(2), message(1)]})

    answers = {"POST /client": client, "GET /message": messages}
    async with scene("gotify", cut, stays, answers=answers, **QUICK, **USER) as seen:
        await until(lambda: len(seen.found) == 4)
        assert [each.id for each in seen.found] == [1, 2, 3, 4]
        assert "gap" not in [event.name for event in seen.events]


async def test_an_empty_answer_of_the_right_shape_is_no_gap():
    """Go writes a list that has nothing in it as null."""
    empty = json_answer({"messages": None, "paging": {}})
    async with answered(empty) as seen:
        await until(lambda: len(seen.found) == 2)
        assert "gap" not in [event.name for event in seen.events]
        assert len(seen.server.asked("/message")) == 1


async def test_a_request_that_is_cut_is_made_again():
    asked = []

    def messages(request):
        asked.append(request)
        found = [message(3), message(2), message(1)]
        return b"" if len(asked) == 1 else json_answer({"messages": found})

    async with (
        stage({"GET /message": messages}, cut, stays) as one,
        listening(one, "gotify", token="t", **QUICK) as (_, found, _events),
    ):
        await until(lambda: len(found) == 4)
        assert [each.id for each in found] == [1, 2, 3, 4]


@pytest.mark.parametrize("odd", [None, 5, "x", [1], {}, {"id": 31, "message": "m"}])
async def test_what_nobody_understands_of_an_answer_is_said_and_the_rest_is_shown(odd):
    """Seen: null ended the listener; a message without its application was lost."""
    page = json_answer({"messages": [message(3), odd, message(2), message(1)]})
    async with answered(page) as seen:
        await until(lambda: len(seen.found) == 4)
        assert [each.id for each in seen.found] == [1, 2, 3, 4]
        (said,) = [each for each in seen.events if each.name == "error"]
        assert said.type == "invalid_message"
        assert "gap" not in [event.name for event in seen.events]


FORWARDS = """
name = "forwards"
[socket]
[[rules]]
then = "notification"
[resume]
unknown_id = "all"
[resume.catchup]
items = "items"
step = { method = "GET", path = "/missed", query = { after = "{last_id}" } }
"""


async def test_a_history_that_begins_anew_is_read_through_to_what_was_missed(tmp_path):
    """A server that does not know the id begins at the beginning, page by page."""
    profile = tmp_path / "forwards.toml"
    profile.write_text(FORWARDS)
    long_ago = "2020-01-15T10:30:00Z"

    def note(number: int) -> dict:
        at = long_ago if number < 100 else datetime.now(UTC).isoformat()
        return {"type": "t", "id": number, "timestamp": at}

    history = [*map(note, range(1, 7)), *map(note, range(101, 104))]

    def missed(request):
        after = int(request.target.partition("after=")[2])
        known = [each["id"] for each in history]
        start = known.index(after) + 1 if after in known else 0
        return json_answer({"items": history[start : start + 3]})

    first = cutting(note(100), after=0.05)

    async with scene(
        str(profile),
        first,
        telling(),
        answers={"GET /missed": missed},
        token="t",
        **QUICK,
    ) as seen:
        await until(lambda: len(seen.found) == 4)
        assert [each.id for each in seen.found] == [100, 101, 102, 103]
        assert "gap" not in [event.name for event in seen.events]
