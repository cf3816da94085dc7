"""What is recorded holds no secret, and is as it was where there was none."""

from __future__ import annotations

import base64
import json
from functools import reduce
from time import process_time

import pytest

from notifyws.auth.http_client import Request
from notifyws.clock import Clock
from notifyws.events import Connected
from notifyws.protocol.recorder import (
    LONGEST_SECRET,
    MOST_LINES,
    MOST_SECRETS,
    SECRETS_SIZE,
    Recorder,
)
from notifyws.protocol.token_replies import Answer
from notifyws.protocol.upgrade import UpgradeRequest
from notifyws.recording import Sent

SECRET = "sentinel-secret"
NESTED = reduce(lambda inner, _: [inner], range(100_000), 1)


class Scene:
    def __init__(self, *secrets, unmasked=False):
        self.text, self.time = "", 100.0
        clock = Clock(
            now=lambda: self.time,
            wall=lambda: 0.0,
            sleep=None,
            dice=None,
            secret=None,
            suspended=None,
        )
        self.recorder = Recorder(
            self.write, clock, "default", secrets, unmasked=unmasked
        )

    def write(self, line):
        self.text += line

    @property
    def lines(self):
        return [json.loads(each) for each in self.text.splitlines()]


def test_the_first_line_says_what_it_is():
    head = Scene().lines[0]
    assert head["began"][:4] == "1970"
    said = {"what": "recording", "version": 1, "profile": "default"}
    assert head == {**head, **said, "secrets": "masked"}


def test_each_line_has_its_seconds_and_its_socket():
    scene = Scene()
    scene.time += 1.5
    scene.recorder.note(Sent, 3, text="hi")
    assert scene.lines[1] == {"what": "sent", "at": 1.5, "socket": 3, "text": "hi"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words",
        '{ "type" : "a",  "n": 1e2 }',
        '{"id":1}\n{"id":2}',
        '{"title":"\\u00fc \\/"}',
        "[" * 2000,
    ],
)
def test_a_text_without_a_secret_is_as_it_was(text):
    assert Scene(SECRET).recorder.shown(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f'{{"a": "{SECRET}" }}', '{"a": "***" }'),
        ('{"token":"abc","n":1}', '{"token":"***1","n":1}'),
        ('{"a":{"password":"x"},"b":[{"token":"x"}]}', None),
        ('{"token":{"a":"x","b":[1,true,null,""]}}', None),
        ('{"id":1}\n{"token":"abc"}', '{"id":1}\n{"token":"***1"}'),
        ('{"token":"abc"', '{"token":"***"'),
        ('{"token":NaN}', '{"token":***}'),
        ('{"data":"{\\"token\\":\\"abc\\"}"}', None),
        ("token=abc&x=1", "token=***&x=1"),
        ('"token=abc"', '"token=***"'),
        ('{"token":"x"}' + " " * 9, '{"token":"***1"}'),
        ('{"a":' * 3000 + '{"token":"abc"}' + "}" * 3000, None),
    ],
)
def test_a_secret_is_masked_where_it_is_known_and_where_it_is_called_one(text, shown):
    found = Scene(SECRET).recorder.shown(text)
    assert SECRET not in found
    assert "abc" not in found
    if shown is not None:
        assert found == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r'{"x": "hush\/DEF=\/xyz", "n":1e2}', '{"x": "***", "n":1e2}'),
        (r'{"x":"\u0068ush/DEF\u003D/xyz"}', '{"x":"***"}'),
        (r'{"d":"{\"x\":\"hush\\\/DEF=\\\/xyz\"}"}', r'{"d":"{\"x\":\"***\"}"}'),
        (r'{"t\u006fken":"abc","n":1}', '{"token":"***1","n":1}'),
        (
            r'{"d":"{\u0022token\u0022:\u0022abc\u0022}"}',
            r'{"d":"{\"token\":\"***1\"}"}',
        ),
        (r'{"d":"{\"t\\u006fken\":\"abc\"}"}', r'{"d":"{\"token\":\"***1\"}"}'),
    ],
)
def test_a_secret_is_masked_however_json_spells_it_or_its_name(text, shown):
    scene = Scene("hush/DEF=/xyz")
    scene.recorder.received(1, text)
    scene.recorder.received(1, b"\xff" + text.encode())
    assert scene.lines[1]["text"] == shown
    if "hush" in text:
        binary = base64.b64decode(scene.lines[2]["binary"])
        assert binary == b"\xff" + shown.encode()


MEGABYTES = {
    "texts": (90_000, lambda n: json.dumps(["token:x"] * n)),
    "names": (50_000, lambda n: json.dumps({f"token{i}": "v" for i in range(n)})),
    "lines": (120_000, lambda n: "token=x\n" * n),
    "values": (9_000, lambda n: "token=x\n" + "{}\n" * n),
    "open ends": (200_000, lambda n: 'key="' * n),
    "json in json": (40_000, lambda n: json.dumps([json.dumps({"token": "x"})] * n)),
    "escapes": (100_000, lambda n: r"hush\/DEF" * n),
}
"""Frames that hold so many of something that has to be looked at."""


@pytest.mark.slow
@pytest.mark.parametrize(("count", "frame"), MEGABYTES.values(), ids=MEGABYTES)
def test_a_frame_of_a_megabyte_takes_no_more_than_its_length(count, frame):
    def took(text: str) -> float:
        recorder, begun = Scene("hush/DEF=/xyz").recorder, process_time()
        recorder.received(1, text)
        return process_time() - begun

    tenth = max(took(frame(count // 10)) for _ in range(3))
    assert took(frame(count)) < 40 * tenth  # a hundred, if all is looked at from each


def test_of_more_lines_than_are_looked_at_each_no_secret_is_left():
    shown = Scene().recorder.shown('{"token":5}\n' * MOST_LINES)
    assert shown == '{"token":***}\n' * MOST_LINES
    few = Scene().recorder.shown('{"token":5}\n' * 3)
    assert few == '{"token":0}\n' * 3


def test_what_is_masked_keeps_its_type_and_equal_ones_stay_equal():
    recorder = Scene().recorder
    text = '{"token":{"a":"x","b":[1,2.5,true,null,"","y"]},"key":"x","n":1,"s":"t"}'
    assert json.loads(recorder.shown(text)) == {
        "token": {"a": "***1", "b": [0, 0, True, None, "", "***2"]},
        "key": "***1",
        "n": 1,
        "s": "t",
    }
    inner = '{"data":"{\\"token\\":\\"x\\"}"}'
    assert recorder.shown(inner) == '{"data":"{\\"token\\":\\"***1\\"}"}'


def test_whoever_asks_for_secrets_has_them():
    recorder = Scene(SECRET, unmasked=True).recorder
    assert recorder.shown(f'{{"token":"{SECRET}"}}') == f'{{"token":"{SECRET}"}}'


@pytest.mark.parametrize("unmasked", [False, True])
def test_an_opening_tells_where_to_and_not_who(unmasked):
    scene = Scene(unmasked=unmasked)
    request = UpgradeRequest(
        "ws://me:pw@h/p?token=abcd&x=1",
        {"Authorization": f"Bearer {SECRET}", "X-Api-Key": SECRET, "X-A": "b"},
        ("v1", SECRET),
        secrets=lambda: (SECRET,),
    )
    assert [scene.recorder.opening(request) for _ in range(2)] == [1, 2]
    told = scene.lines[2]
    if unmasked:
        assert told["headers"]["Authorization"] == f"Bearer {SECRET}"
        return
    assert SECRET not in scene.text
    assert told == {
        "what": "opening",
        "at": 0.0,
        "socket": 2,
        "url": "ws://h/p?token=***&x=1",
        "headers": {"Authorization": "Bearer ***", "X-Api-Key": "***", "X-A": "b"},
        "subprotocols": ["v1", "***"],
    }


def test_frames_are_texts_or_base64_both_without_secrets():
    scene = Scene(SECRET)
    for frame in ("a", SECRET, b"b" + SECRET.encode(), b"\xff" + SECRET.encode()):
        scene.recorder.received(1, frame)
    told = [each.get("text", each.get("binary")) for each in scene.lines[1:]]
    assert told == ["a", "***", "YioqKg==", "/yoqKg=="]
    scene = Scene(SECRET, unmasked=True)
    scene.recorder.received(1, b"\xff" + SECRET.encode())
    assert scene.lines[1]["binary"] == "/3NlbnRpbmVsLXNlY3JldA=="


def test_an_exchange_is_kept_without_what_was_shown_and_given():
    scene = Scene()
    request = Request("POST", "https://h/login?x=1", {}, f'{{"password":"{SECRET}"}}')
    headers = {"retry-after": "5", "x-token": SECRET}
    reply = Answer({"accessToken": SECRET, "ttl": 9}, headers, {"sid": SECRET}, 200)
    scene.recorder.exchanged(request, reply, (), (SECRET,))
    scene.recorder.exchanged(request, Answer(status=502, text="no"), (), ())
    assert SECRET not in scene.text
    one, other = scene.lines[1:]
    assert one["path"] == "/login"
    assert json.loads(one["answer"]) == {"accessToken": "***", "ttl": 9}
    assert (one["headers"], one["cookies"]) == ({"retry-after": "5"}, {"sid": "***1"})
    assert (other["status"], other["answer"]) == (502, "no")


def test_of_an_exchange_too_whoever_asks_for_secrets_has_them():
    scene = Scene(unmasked=True)
    reply = Answer(cookies={"sid": SECRET})
    scene.recorder.exchanged(Request("GET", "https://h/", {}), reply, (), (SECRET,))
    assert scene.lines[1]["cookies"] == {"sid": SECRET}


@pytest.mark.parametrize("body", [float("nan"), NESTED, {"a": "\ud800"}])
def test_an_answer_that_no_json_can_say_is_no_end(body):
    scene = Scene()
    reply = Answer(body)
    scene.recorder.exchanged(Request("GET", "https://h/", {}), reply, (), ("1234",))
    assert scene.recorder.shown("12345 \ud800") == "12345 ?"
    assert len(scene.lines) == 2


def test_what_people_were_told_is_kept():
    scene = Scene(SECRET)
    scene.recorder.observe(Connected(f"ws://h?t={SECRET}", "42", at="now"))
    told = scene.lines[1]["event"]
    assert told["url"] == "ws://h?t=***"
    assert told["userId"] == "42"


def test_a_secret_that_is_longer_than_any_token_is_not_remembered():
    recorder, long = Scene().recorder, "x" * (LONGEST_SECRET + 1)
    shown = recorder.shown(json.dumps({"password": long, "token": "short-one"}))
    assert json.loads(shown) == {"password": "***", "token": "***1"}


def test_what_the_user_gave_and_what_is_told_again_is_not_forgotten():
    recorder, asked = Scene("hunter2 horse").recorder, Request("GET", "https://h/", {})
    for number in range(MOST_SECRETS + 5):
        told = [f"secret number {number:05}", "the same again"]
        recorder.exchanged(asked, Answer(), (), told)
    assert recorder.shown("hunter2 horse!") == "***!"
    assert recorder.shown("the same again!") == "***!"


def test_secrets_are_remembered_but_not_without_end():
    recorder, asked = Scene().recorder, Request("GET", "https://h/", {})
    numbered = [f"{number:05}-secret-number" for number in range(MOST_SECRETS + 5)]
    for some in (numbered[:10], numbered[10:]):
        recorder.exchanged(asked, Answer(), (), some)
    assert recorder.shown("00004-secret-number") != "***"
    assert recorder.shown(f"{MOST_SECRETS + 4:05}-secret-number") == "***"
    for letter in "abcdefgh":
        recorder.exchanged(asked, Answer(), (), [letter * (SECRETS_SIZE // 4)])
    assert recorder.shown("h" * (SECRETS_SIZE // 4)) == "***"
    many = json.dumps([{"token": str(number)} for number in range(MOST_SECRETS + 5)])
    shown = [each["token"] for each in json.loads(recorder.shown(many))]
    assert shown[MOST_SECRETS - 1 :] == ["***1000", *["***"] * 5]
