"""Status, looked at in the tests' own process, against real servers."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

from notifyws.auth.authenticator import Authenticator
from notifyws.config.sources import load
from notifyws.diagnostics.report import diagnose
from notifyws.service import NotificationService
from tests.support.dev import PASSWORD, USER
from tests.support.httpd import CLOSE, PING, PONG, answer, json_answer

DOCS = Path(__file__).parents[2] / "docs"
ACCESS, REFRESH = "sentinel-access-d1a6", "sentinel-refresh-d1a6"
SECRETS = (PASSWORD, ACCESS, REFRESH)
NAMES = (
    *("configuration", "cache", "dns", "tcp", "tls", "clock"),
    *("token", "websocket", "ping"),
)
GIVEN = {"accessToken": ACCESS, "refreshToken": REFRESH, "userId": "7"}


def only_failure(report, name, code):
    """Return the failed check; all before it passed, all after it were not tried."""
    check = report.failure
    assert (check.name, check.exit_code) == (name, code), report.checks
    place = NAMES.index(name)
    seen = [each.status for each in report.checks]
    assert set(seen[:place]) <= {"pass", "skip"}, report.checks
    assert set(seen[place + 1 :]) <= {"skip"}
    for each in report.checks[place + 1 :]:
        assert each.detail == f"not tried, because {name} failed"
    assert report.as_json()["ok"] is False
    return check


def generic(text: str) -> str:
    """Return a text without the names and numbers of one machine."""
    text = re.sub(r"127\.0\.0\.1(:\d+)?|\bname\.invalid\b", "HOST", text)
    text = re.sub(r"https?://", "ws://", text)
    text = re.sub(r"(ws|proxy)\.example\.com(:\d+)?", "HOST", text)
    text = re.sub(r"--url|WEBSOCKET_SERVER_URL in the environment", "SOURCE", text)
    text = re.sub(r"--redis-url|REDIS_URL in the environment", "CACHE", text)
    return " ".join(text.replace("wss://", "ws://").split())


PAGES = ("troubleshooting.md", "redis.md")
SHOWN = generic("".join((DOCS / name).read_text("utf-8") for name in PAGES))


def in_the_page(hint: str) -> bool:
    """Return whether one of these pages shows a hint of ``status``."""
    return generic(f"try: {hint}") in SHOWN


def echo(**headers):
    """Return the story of a whole server, which sends back what it is sent."""

    async def story(peer):
        request = await peer.request()
        if request.method == "HEAD":
            await peer.write(answer(404, **headers))
        elif request.method == "POST":
            await peer.write(json_answer(GIVEN))
        else:
            await peer.upgrade(request)
            opcode = PING
            while opcode != CLOSE:
                opcode, payload = await peer.read()
                await peer.frame(PONG if opcode == PING else opcode, payload)

    return story


def loaded_for(url, **settings):
    known = {"username": USER, "password": PASSWORD, "open_timeout": 2.0}
    return load({"url": url or None, **known, **settings}, environ={})


@asynccontextmanager
async def listening(url, *, selection=None, name=None, **settings):
    """Run a listener that notes what it was ``told``, and somebody who reads it."""
    settings = {"retry_delays": (0.1,), "jitter": 0.0, **settings}
    loaded = loaded_for(url, **settings)
    service = NotificationService(
        loaded.settings, selection=selection, name=name, warn=lambda text: None
    )
    service.told = []
    service.listener.observers.append(lambda event: service.told.append(event.name))
    async with service:
        service.start()
        taking = asyncio.create_task(_take_all(service))
        yield service
    await taking


async def _take_all(service):
    async for _ in service.arrivals():
        pass


async def looked_until(true, url, **settings):
    """Look again and again until status sees something; return the report."""
    async with asyncio.timeout(5):
        while not true(report := await looked(url, **settings)):
            await asyncio.sleep(0.005)
    return report


async def looked(url="", *, thorough=True, later: float = 0.0, **settings):
    """Return what status sees; no secret is in either of its faces.

    Args:
        url: the server's.
        thorough: ask it, too.
        later: seconds from now at which it looks.
        settings: what else is configured.
    """
    loaded = loaded_for(url, **settings)
    warnings = []
    auth = Authenticator(loaded.settings, warnings.append)
    try:
        report = await diagnose(
            loaded, auth, thorough=thorough, wall=lambda: time() + later
        )
    finally:
        await auth.aclose()
    shown = json.dumps(report.as_json(), allow_nan=False) + repr(report)
    shown += "".join(map(str, warnings))
    for secret in SECRETS:
        assert secret not in shown
    for check in report.checks:
        assert check.detail
        if check.status in ("warn", "fail"):
            assert check.hint, check
            assert not thorough or check.hint != "notifyws status --check", check
    return report
