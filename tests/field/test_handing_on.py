"""Hooks and targets as strangers have them: nothing of ours reaches anybody else."""

from __future__ import annotations

import pytest

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.delivery.targets import DeliveryTargets
from tests.protocol.profiles.stage import stage, until
from tests.support.httpd import Peer, answer, httpd, silence
from tests.support.profile_scene import telling

SECRETS = {"Authorization": "Bearer of-the-user", "X-Key": "s3cret"}


@pytest.mark.parametrize("path", ["/trap", "/\x1b[2Jtrap"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_target_that_redirects_takes_no_header_to_another_origin(status, path):
    """encode/httpx follows none unless it is told to: docs/compatibility.md."""
    warned = []
    note = telling({"type": "t", "id": "1", "title": "T"})

    async def moved(peer: Peer):
        await peer.request()
        await peer.write(answer(status, Location=f"{other.origin}{path}"))

    async with httpd(silence) as other, httpd(moved) as target, stage({}, note) as one:
        settings = Settings(url=one.url, token="t", cache_url="memory://")
        to = DeliveryTargets(url=f"{target.origin}/hook", headers=SECRETS, secret="k")
        async with NotificationService(
            settings, deliver=to, warn=warned.append
        ) as service:
            await service.connect()
            await until(lambda: warned)
        assert (other.connections, len(target.requests)) == (0, 1)
    assert f"answered {status}" in warned[0]
    assert "\x1b" not in "".join(warned)
