"""The words of a refusal: whatever they are, they are looked through at once."""

from __future__ import annotations

import re
from time import process_time

import pytest

from notifyws.auth.http_refusals import ABOUT, STALE, bad_credentials

PARTS = [
    *("bad_", "bad ", "invalid-", "token ", "user ", "code_", "bad_a_"),
    *("x", "_", " "),
]


@pytest.mark.parametrize("words", [STALE.words, bad_credentials("me").words])
@pytest.mark.parametrize("part", PARTS)
def test_no_words_of_a_server_s_hold_up_the_listener(words, part):
    """Seen: 11 s for two thousand letters, at each refresh, and no pong was read."""
    begun = process_time()
    assert not re.search(f"(?i){words}", part * (ABOUT // len(part)))
    assert process_time() - begun < 0.5
