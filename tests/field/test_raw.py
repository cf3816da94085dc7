"""``listen --raw`` prints each frame once, as it was received, whatever is in it."""

from __future__ import annotations

import pytest

from tests.support.httpd import BINARY, TEXT, in_a_thread

PROFILE = """
name = "enveloped"
[socket]
path = "/"
token_in = "none"
[[rules]]
when = "kind"
then = "notification"
items = "items"
fields = { type = "kind", title = "subject" }
[[rules]]
then = "ignore"
"""
FRAMES = [
    '{ "hello" : 1 }',
    '{"kind":"a","items":[{"subject":"one"},{"subject":"two"}]}',
    '{"kind":"b","subject":"x",  "more":1.50}',
    '{"kind":"c","items":[]}',
    "no json at all",
    '{"kind":"last","items":[{"subject":"end"}]}',
]


@pytest.fixture
def raw(home):
    """Run ``listen --raw`` against a server that sends frames; return its lines."""
    (home.path / "enveloped.toml").write_text(PROFILE)
    home.env["NOTIFYWS_PROFILE"] = "./enveloped.toml"

    def listen(frames, *options: str) -> list[str]:
        async def story(peer):
            await peer.upgrade(await peer.request())
            for opcode, frame in frames:
                await peer.frame(opcode, frame.encode())
            await peer.hang()

        with in_a_thread(story) as there:
            done = home.within("listen", "--raw", "--url", there.url, *options)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return listen


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_every_frame_is_one_line_as_it_came(raw, opcode):
    frames = [(opcode, frame) for frame in FRAMES[:-1]] + [(TEXT, FRAMES[-1])]
    assert raw(frames, "--until", "title == 'end'") == FRAMES


def test_a_frame_of_many_is_printed_once_where_any_of_it_passes(raw):
    frames = [(TEXT, frame) for frame in FRAMES]
    passing = ("--filter", "title == 'two' || title == 'end'", "-n", "2")
    assert raw(frames, *passing) == [FRAMES[1], FRAMES[-1]]
