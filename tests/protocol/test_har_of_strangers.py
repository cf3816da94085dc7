"""A HAR that somebody made to be busy with: it is read soon, or a sentence says why.

Each holds so much of one thing that what grows with its square takes minutes.
"""

import json
import time
from contextlib import suppress

import pytest

from notifyws.errors import ConfigurationError
from notifyws.protocol.har.profile_draft import har_draft
from notifyws.protocol.har.recording import read_recording
from notifyws.protocol.har.secrets import Marks
from tests.support.har import ALERT, IN, OUT, PASSWORD, TOKEN, entry, har, login, socket


def parts(text, **more):
    made = entry("POST", "/api/login", 1, body=0, **more)
    posted = {"mimeType": "multipart/form-data; boundary=x", "text": text}
    return {**made, "request": {**made["request"], "postData": posted}}


def live(*frames, **more):
    path = more.pop("path", f"/ws?token={TOKEN}")
    return socket(path, 2, *frames, (IN, 90, ALERT), **more)


ALIKE = [f"{'a' * n}b" for n in range(4, 700)]
WORDS = [f"A1B2C3D4E5F6{n:05}" for n in range(40_000)]
PINGS = json.dumps([{"op": "ping"}] * 60_000)
HELLOS = [(IN, 1, {"op": f"ready{n}"}) for n in range(900)]
SENT = (OUT, 2, {"op": "subscribe", "x": [f"u{n}" for n in range(70)]})
NAMES = {f"userpassword{n}": PASSWORD for n in range(4900)}
NAME = {"email": "ann", "password": PASSWORD}
TOLD = {"type": "x", "title": "x"}
LONG = "k" * 400_000
LISTS = {f"a{n}": [{}] for n in range(30_000)}
OBJECTS = {f"a{n}": {"b": 1} for n in range(40_000)}
HARS = {
    "a form whose parts have no end": lambda: [
        login(),
        parts('name="a"\n' * 100_000),
        live(),
    ],
    "secrets that begin alike": lambda: [
        login(),
        entry("GET", "/x", 1.5, answer={"token": ALIKE}),
        entry("GET", f"/{'a' * 500_000}", 1.6, answer={"size": 1}),
        live(path=f"/{'a' * 200_000}?token={TOKEN}"),
    ],
    "a login of many values": lambda: [login(body={**NAME, "x": WORDS}), live()],
    "a login of many passwords": lambda: [login(body={**NAME, **NAMES}), live()],
    "a path of many values": lambda: [login(), live(path=f"/{'/'.join(WORDS)}")],
    "a long key of many values": lambda: [
        login(),
        entry("GET", "/x", 1.5, answer={LONG: WORDS[:4900]}),
        live((IN, 1, {"type": "x", LONG: WORDS[:4900]})),
    ],
    "a long key of many lists": lambda: [
        login(),
        live((IN, 1, TOLD | {LONG: [LISTS]})),
    ],
    "many objects": lambda: [login(), live((IN, 1, TOLD | OBJECTS))],
    "a long subprotocol": lambda: [login(), live(subprotocols="-" * 900_000)],
    "a frame of many pings": lambda: [login(), live((IN, 1, PINGS))],
    "many hellos": lambda: [login(), live(*HELLOS, *[SENT] * 900)],
}


@pytest.mark.parametrize("name", HARS)
def test_a_recording_of_a_stranger_is_read_soon_or_refused(name):
    text = har(*HARS[name]())
    began = time.monotonic()
    with suppress(ConfigurationError):
        assert PASSWORD not in har_draft(read_recording(text, "x"), "acme").text
    assert time.monotonic() - began < 15  # on a busy machine; it was minutes


def test_a_page_that_says_more_than_a_profile_can_is_refused_with_a_hint():
    recording = read_recording(har(login(body={**NAME, "x": WORDS}), live()), "x")
    with pytest.raises(ConfigurationError, match="more than 1000 values") as caught:
        har_draft(recording, "acme")
    assert "leave out" in caught.value.hint


def test_answers_that_differ_are_not_counted_for_pings_and_lost_paths():
    pings = [
        (sent, n, {"op": word, "n": f"A1B2C3D4E5F6{n:05}"})
        for n in range(900)
        for sent, word in ((IN, "ping"), (OUT, "pong"))
    ]
    lost = {"content": {"mimeType": "application/json", "size": 5}}
    gone = [entry("GET", f"/x/A1B2C3D4E5F6G7{n:05}", 3) for n in range(1500)]
    made = [{**each, "response": lost} for each in gone]
    text = har(login(), *made, live(*pings))
    assert PASSWORD not in har_draft(read_recording(text, "x"), "acme").text


def test_the_fields_of_a_form_in_parts_are_read():
    kind = "Content-Type: text/plain\r\n"
    text = (
        '--x\r\nContent-Disposition: form-data; name="user"\r\n\r\nann\r\n'
        f'--x\r\nContent-Disposition: form-data; name="note"\r\n{kind}\r\n\r\n--x--\r\n'
    )
    recording = read_recording(har(parts(text), live()), "x")
    assert recording.exchanges[0].form == {"user": "ann", "note": ""}


def test_a_secret_is_known_by_its_beginning_and_beside_a_plain_word():
    marks = Marks(["pass", "password-1", "x" * 100, "abc", "zebra"])
    assert all(map(marks.are_in, ["my pass", f"-{'x' * 64}-", "password-2", "zebra"]))
    assert not any(map(marks.are_in, ["pas", "x" * 63, "abc", "", "zebr"]))
