"""A proxy that is in the way is named, by every command in the same words."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.e2e.support import Home
from tests.support.catalogue import sample
from tests.support.httpd import Peer, answer, httpd

HOST = "ws.example.com"


def refuses(status: int):
    async def story(peer: Peer) -> None:
        await peer.request()
        await peer.write(answer(status))

    return story


async def hangs_up(peer: Peer) -> None:
    peer.cut()


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("settings", ["token", "login"])
@pytest.mark.parametrize(
    "story", sample(refuses(407), hangs_up, refuses(403), refuses(502), often=2)
)
def test_a_proxy_that_refuses_is_judged_alike_by_listen_and_status(
    home: Home, scheme, settings, story
):
    """Squid and company firewalls answer CONNECT with 403 or 407 (RFC 9110, 15.5.8)."""
    env = {"WEBSOCKET_SERVER_URL": f"{scheme}://{HOST}", "NO_PROXY": ""}
    env |= dict.fromkeys(("WEBSOCKET_USERNAME", "WEBSOCKET_PASSWORD"), "me")
    if settings == "token":
        env = {**env, "NOTIFYWS_TOKEN": "ready-made"}

    async def both() -> tuple[dict[str, str], dict[str, str], str]:
        async with httpd(story) as proxy:
            env["HTTPS_PROXY"] = env["HTTP_PROXY"] = proxy.origin
            run = asyncio.to_thread
            said = ("listen", "--json", "--no-reconnect")
            listened = await run(home.run, *said, env=env)
            looked = await run(home.run, "status", "--check", "--json", env=env)
            error = json.loads(listened.stderr.splitlines()[-1])["error"]
            checks = json.loads(looked.stdout)["checks"]
            (failed,) = [each for each in checks if each["status"] == "fail"]
            assert (listened.returncode, looked.returncode) == (5, 5)
            return error, failed, proxy.host

    error, failed, host = asyncio.run(both())
    hint = f"go around the proxy {host}: NO_PROXY={HOST} notifyws status --check"
    assert (error["hint"], failed["hint"]) == (hint, hint), (error, failed)
