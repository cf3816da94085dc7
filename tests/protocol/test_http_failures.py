"""What an HTTP answer means that is no success."""

import pytest

from notifyws.protocol.http_failures import LONGEST, meaning
from notifyws.protocol.profile import Http
from notifyws.protocol.validation import validated

HTTP = validated(
    Http,
    {
        "refused": [401],
        "failures": [
            {"status": "400-403", "when": "code == 'OLD'", "means": "expired"},
            {"status": "400", "means": "bad credentials", "message": "why"},
            {"when": "busy", "means": "throttled", "message": "nonesuch"},
        ],
    },
)


@pytest.mark.parametrize(
    ("status", "body", "means", "said"),
    [
        (400, {"code": "OLD"}, "expired", ""),
        (403, {"code": "OLD"}, "expired", ""),
        (404, {"code": "OLD"}, None, ""),
        (400, {"why": "wrong"}, "bad credentials", "wrong"),
        (400, {"why": "w" * 999}, "bad credentials", "w" * LONGEST),
        (400, None, "bad credentials", ""),
        (200, {"busy": True}, "throttled", ""),
        (401, {}, "log in again", ""),
        (500, {}, None, ""),
    ],
)
def test_the_first_failure_that_fits_says_what_it_means(status, body, means, said):
    assert meaning(HTTP, status, body, "log in again") == (means, said)
