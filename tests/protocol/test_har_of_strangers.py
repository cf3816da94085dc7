"""A HAR that somebody made to be busy with: it is read soon, or a sentence says why.

Each holds so much of one thing that what grows with its square takes minutes.
"""

import time
from contextlib import suppress

import pytest

from notifyws.errors import ConfigurationError
from notifyws.protocol.har.marks import Marks
from notifyws.protocol.har.profile_draft import har_draft
from notifyws.protocol.har.recording import read_recording
from tests.support.har import ALERT, IN, PASSWORD, TOKEN, entry, har, login, socket


def parts(text, **more):
    made = entry("POST", "/api/login", 1, body=0, **more)
    posted = {"mimeType": "multipart/form-data; boundary=x", "text": text}
    return {**made, "request": {**made["request"], "postData": posted}}


def live(*frames, **more):
    path = more.pop("path", f"/ws?token={TOKEN}")
    return socket(path, 2, *frames, (IN, 90, ALERT), **more)


ALIKE = [f"{'a' * n}b" for n in range(4, 700)]
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
}


@pytest.mark.parametrize("name", HARS)
def test_a_recording_of_a_stranger_is_read_soon_or_refused(name):
    text = har(*HARS[name]())
    began = time.monotonic()
    with suppress(ConfigurationError):
        assert PASSWORD not in har_draft(read_recording(text, "x"), "acme").text
    assert time.monotonic() - began < 15  # on a busy machine; it was minutes


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
