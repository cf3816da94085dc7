"""What it leads to that an upgrade is refused, at servers whose sources were read."""

import asyncio

import pytest

from notifyws.tasks import cancel
from tests.protocol.profiles.stage import ended, stage, until

AGAIN, AUTHENTICATION, ENDED = 0, 4, 5
VARIABLES = {"ntfy": "topic=news"}
REFUSALS = {
    # binwiederhier/ntfy, server/errors.go
    ("ntfy", 400, "invalid request: topic invalid"): ENDED,
    ("ntfy", 401, "unauthorized"): AUTHENTICATION,
    ("ntfy", 403, "forbidden"): AUTHENTICATION,
    ("ntfy", 404, "page not found"): ENDED,
    ("ntfy", 429, "limit reached: too many active subscriptions"): AGAIN,
    ("ntfy", 500, "internal server error"): AGAIN,
    ("ntfy", 507, "cannot publish to UnifiedPush topic"): AGAIN,
    # gotify/server, auth/authentication.go and error/handler.go
    ("gotify", 400, "Bad Request"): ENDED,
    ("gotify", 401, "you need to provide a valid access token"): AUTHENTICATION,
    ("gotify", 403, "you are not allowed to access this api"): AUTHENTICATION,
    ("gotify", 404, "page not found"): ENDED,
    ("gotify", 500, "an error occurred"): AGAIN,
    # mattermost/mattermost, server/channels/api4/websocket.go and web/handlers.go
    ("mattermost", 400, "URL Blocked because of CORS"): ENDED,
    ("mattermost", 401, "Invalid or expired session"): AUTHENTICATION,
    ("mattermost", 403, "Forbidden"): AUTHENTICATION,
    ("mattermost", 429, "limit exceeded"): AGAIN,
    ("mattermost", 501, "Not Implemented"): AGAIN,
}


@pytest.mark.parametrize(("profile", "status", "words"), REFUSALS)
async def test_each_refusal_leads_to_what_it_says(profile, status, words):
    leading = REFUSALS[profile, status, words]
    said = {"variables": VARIABLES.get(profile, ""), "token": "t"}
    said["retry_delays"] = (0.02,)
    body = {"error": words, "message": words, "errorDescription": words}

    async def never(socket):
        raise AssertionError

    async with stage({}, never, refusal=(body, status)) as one:
        listener = asyncio.ensure_future(ended(one, profile, **said))
        if leading == AGAIN:
            await until(lambda: len(one.requests) > 1)
            await cancel(listener)
            return
        error = await listener
        assert error.exit_code == leading
        assert words in error.message
        assert len(one.requests) == 1
