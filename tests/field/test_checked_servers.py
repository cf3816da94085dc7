"""Servers that a profile is tried on, and that answer without end."""

from __future__ import annotations

import json

import pytest

from notifyws.diagnostics.connection_probe import LONGEST, MOST, Trace
from tests.e2e.support import Home
from tests.support.httpd import Peer, in_a_thread

FLOOD = 20_000


@pytest.mark.slow
def test_of_a_flood_the_first_frames_are_shown_and_how_many_more(home: Home):
    """Seen: 190 MB of trace in ten seconds, all of it kept and then printed."""

    async def floods(peer: Peer):
        await peer.upgrade(await peer.request())
        for number in range(FLOOD):
            await peer.say(json.dumps({"type": "t", "id": number, "title": "x" * 900}))
        await peer.hang()

    home.env["NOTIFYWS_TOKEN"] = "ready-made"
    with in_a_thread(floods) as server:
        command = ["profile", "check", "default", "--url", server.url]
        done = home.within(*command, "--timeout", "0.5")
    assert done.returncode == 0, done.stderr
    assert 0 < done.stdout.count('"id"') <= 3 * MOST + 2
    assert len(done.stdout) < 4 * MOST * LONGEST
    assert " more\n" in done.stdout


def test_what_we_said_is_shown_beside_a_flood():
    trace = Trace("s3cret")
    for number in range(3 * MOST):
        trace.line(f"<-- {number}")
    trace.line("--> our own s3cret")
    lines = trace.taken()
    assert lines[MOST] == "--> our own ***"
    assert lines[-1] == f"<-- and {2 * MOST} more"
    assert len(lines) == MOST + 2
    trace.line("<-- the next step")
    assert trace.taken() == ("<-- the next step",)
