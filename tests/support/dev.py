"""A development server in the tests' own process, and what a library has of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import httpx

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.devserver.server import DevServer, ServerOptions

USER, PASSWORD = "demo", "sentinel-password-c0de"


def settings_for(url: str, **settings) -> Settings:
    known = {
        "url": url,
        "username": USER,
        "password": PASSWORD,
        "cache_url": "memory://",
        "retry_delays": (0.01,),
        "open_timeout": 2.0,
        "http_timeout": 2.0,
        "close_timeout": 0.5,
    }
    return Settings(**{**known, **settings})


class Dev:
    """A development server and its control side."""

    def __init__(self, server: DevServer, http: httpx.AsyncClient) -> None:
        self.url = server.url
        self._http = http

    async def __call__(self, order: str, **body):
        reply = await self._http.post(f"/_dev/{order}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def notify(self, *messages: str, **fields) -> None:
        for message in messages:
            await self("notify", message=message, **fields)

    async def stats(self):
        return (await self._http.get("/_dev/stats")).json()

    async def until(self, **wanted):
        while not wanted.items() <= (seen := await self.stats()).items():
            await asyncio.sleep(0.005)
        return seen

    def settings(self, **settings) -> Settings:
        return settings_for(self.url, **settings)

    def service(self, *, since=None, frames=False, **settings) -> NotificationService:
        chosen = self.settings(**settings)
        return NotificationService(chosen, since=since, frames=frames)


@asynccontextmanager
async def dev(**options):
    chosen = ServerOptions(port=0, users={USER: PASSWORD}, **options)
    async with (
        DevServer(chosen) as server,
        httpx.AsyncClient(
            base_url=server.http_url, trust_env=False, verify=False
        ) as http,
    ):
        yield Dev(server, http)


async def until(true):
    """Let others run until something is so; return it."""
    async with asyncio.timeout(30):
        while not (found := true()):
            await asyncio.sleep(0.002)
    return found


async def collect(service, count) -> list[str]:
    """Return the messages of the next so many notifications, or of all there are."""
    seen = []
    async for notification in service:
        seen.append(notification.message)
        if len(seen) == count:
            break
    return seen
