"""A server that refuses a token may repeat it, in whatever frame: nobody sees it."""

from __future__ import annotations

import pytest

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


UNANSWERED = """
name = "asks"
[[handshake]]
expect = "op == 'ready'"
timeout = 0.2
[[rules]]
then = "notification"
"""


@pytest.mark.parametrize("token", [TOKEN, SHORT])
async def test_so_it_is_in_what_no_step_awaits(tmp_path, token):
    (profile := tmp_path / "asks.toml").write_text(UNANSWERED)
    story = refusing({"op": "hello", "note": f"you said {token} to me"})
    error = await end_of(story, str(profile), token=token, max_retries=0)
    assert "you said ***" in error.message
    assert token not in error.message


ENDED = """
name = "ends"
[[rules]]
match = { op = "end" }
then = "unsubscribed"
means = "stop"
message = "why"
[[rules]]
then = "notification"
"""


@pytest.mark.parametrize("token", [TOKEN, SHORT])
async def test_so_it_is_where_a_live_subscription_is_ended(tmp_path, token):
    (profile := tmp_path / "ends.toml").write_text(ENDED)
    story = refusing({"op": "end", "why": f"{token} may not"})
    error = await end_of(story, str(profile), token=token, max_retries=0)
    assert "*** may not" in error.message
    assert token not in error.message
