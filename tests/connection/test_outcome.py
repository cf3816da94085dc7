"""Why connections were lost and tries failed is counted by few words of ours."""

from __future__ import annotations

import pytest

from notifyws.connection.outcome import REASONS, reason_of
from notifyws.errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConnectionLost,
    HttpRefused,
    NetworkFailed,
    NotWebSocket,
    SessionFailed,
    TokenRefused,
    UpgradeRefused,
)
from notifyws.protocol.failures import FailureClassifier
from tests.support.scripted import CUT, DOWN, Close, accepts, answers
from tests.support.session_scene import Scene

pytestmark = pytest.mark.virtual_time

WORDS = [
    (ConnectionLost(1000, "bye"), "closed"),
    (ConnectionLost(4321, "reason='{secret}'"), "closed"),
    (ConnectionLost(1006, "no pong within 10 s"), "cut"),
    (ConnectionLost(4401), "token"),
    (ConnectionLost(1008), "token"),
    (TokenRefused("no"), "token"),
    (AuthenticationFailed("no"), "token"),
    (UpgradeRefused("401", status=401), "token"),
    (UpgradeRefused("503", status=503), "refused"),
    (HttpRefused("500", status=500), "refused"),
    (SessionFailed("no such channel"), "refused"),
    (NotWebSocket("SSH-2.0"), "refused"),
    (CertificateRejected("untrusted"), "certificate"),
    (NetworkFailed("no route"), "unreachable"),
]


@pytest.mark.parametrize(("error", "word"), WORDS, ids=[str(e) for e, _ in WORDS])
def test_every_failure_has_one_of_few_words(error, word):
    assert reason_of(error, FailureClassifier().of(error)) == word
    assert word in REASONS


async def test_a_lost_connection_counts_once_there_is_another_and_a_vain_try_at_once():
    scene = Scene(
        DOWN,
        accepts(1.0, CUT),
        answers(503),
        DOWN,
        accepts(40.0, Close(1012)),
        accepts(1.0, Close(4401)),
        then=accepts(),
    )
    await scene.stop_after(300)
    counts = scene.session.counts
    assert counts.failures == {"unreachable": 2, "refused": 1}
    assert counts.reconnects == {"cut": 1, "closed": 1, "token": 1}


async def test_a_connection_that_is_lost_and_not_there_again_is_no_reconnect():
    scene = Scene(accepts(1.0, CUT), then=DOWN)
    await scene.stop_after(20)
    counts = scene.session.counts
    assert counts.reconnects == {}
    assert counts.failures["unreachable"] > 1


async def test_a_server_that_is_left_for_a_slow_reader_is_counted_as_that():
    frames = [f'{{"type": "t", "id": {n}}}' for n in range(1, 6)]
    scene = Scene(accepts(*frames, 100.0), then=accepts(), room=2, reads_at=60.0)
    await scene.stop_after(200)
    assert scene.session.counts.reconnects["slow_reader"] == 1
