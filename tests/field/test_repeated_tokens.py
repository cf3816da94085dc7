"""A server that refuses a token may repeat it, in whatever frame: nobody sees it."""

from __future__ import annotations

import pytest

from notifyws.connection.connection import HIDDEN, Connection
from notifyws.errors import SessionFailed
from notifyws.protocol.masking import LONGEST, spellings, without_secrets
from tests.protocol.profiles.stage import end_of

TOKEN = "sentinel-token-1d1d1d1d1d1d1d1d1d1d"
SHORT = "CabcDEF12345xyz"


def refusing(*frames):
    async def story(socket) -> None:
        for frame in frames:
            await socket.say(frame)
        await socket.stay()

    return story


REFUSALS = {
    "a handshake of Home Assistant": (
        "home-assistant",
        [{"type": "auth_required"}, {"type": "auth_invalid", "message": "{} is bad"}],
    ),
    "a handshake of Directus": (
        "directus",
        [{"type": "auth", "status": "error", "error": {"message": "no {} no"}}],
    ),
}


def spelled(value, token):
    """Return a frame that names a token where it has ``{}``."""
    if isinstance(value, dict):
        return {key: spelled(each, token) for key, each in value.items()}
    return value.replace("{}", token)


@pytest.mark.parametrize("token", [TOKEN, SHORT])
@pytest.mark.parametrize(("profile", "frames"), REFUSALS.values(), ids=REFUSALS)
async def test_a_token_that_a_refusal_repeats_is_masked(profile, frames, token):
    """Seen on stderr, in JSON, in ``status`` and with an agent: a good token."""
    story = refusing(*[spelled(frame, token) for frame in frames])
    error = await end_of(story, profile, token=token, max_retries=0)
    assert "***" in error.message
    assert token not in f"{error.message} {error.args} {error.as_json()}"


def test_an_ended_session_and_a_token_renewed_in_place_are_masked_as_well():
    made = []

    class Line:
        heard_at = 0.0

        def abort(self) -> None:
            made.append("abort")

    class Time:
        def now(self) -> float:
            return 0.0

        wall = secret = now

    connection = Connection(Line(), None, Time(), {}, spellings(TOKEN))
    connection.hide(SHORT)
    for _ in range(HIDDEN):
        connection.hide("another-token")
    connection.hide(SHORT)
    error = SessionFailed(f"ended: {TOKEN} and {SHORT}", "hint")
    connection.fail(error)
    assert SHORT not in error.message
    connection = Connection(Line(), None, Time(), {}, spellings(TOKEN))
    error = SessionFailed(f"ended: {TOKEN}", "hint")
    connection.fail(error)
    assert TOKEN not in f"{error} {error.args} {error.message}"
    assert made


def test_words_without_end_are_cut_before_they_are_searched():
    error = without_secrets(SessionFailed("x" * 1_000_000, "hint"), spellings(TOKEN))
    assert len(error.message) == LONGEST
