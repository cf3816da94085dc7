"""A server and a client of it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from notifyws.devserver.server import DevServer, ServerOptions

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
TWO = {"ann": "demo", "bob": "demo"}


class World:
    """A running server and the two ways to reach it."""

    def __init__(self, server: DevServer, http: httpx.AsyncClient, lines) -> None:
        self.server = server
        self.http = http
        self.lines = lines

    async def log_in(self, user="demo", password="demo", **how: Any) -> httpx.Response:
        body = json.dumps({"username": user, "password": password})
        return await self.http.post("/auth/login", content=body, **how)

    async def login(self, user="demo", password="demo") -> dict[str, Any]:
        answer = await self.log_in(user, password)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def token(self, user="demo") -> str:
        return (await self.login(user))["accessToken"]

    async def refresh(self, token: str) -> httpx.Response:
        return await self.http.post("/auth/refresh", json={"refreshToken": token})

    async def logout(self, token: str) -> httpx.Response:
        return await self.http.post("/auth/logout", json={"refreshToken": token})

    async def dev(self, order: str, body: Any = None) -> dict[str, Any]:
        answer = await self.http.post(f"/_dev/{order}", json=body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def stats(self) -> dict[str, Any]:
        return (await self.http.get("/_dev/stats")).json()

    def open(
        self,
        token: str | None = None,
        path: str = "/ws",
        authorization: str = "",
        **options: Any,
    ):
        """Return a connection to be awaited or entered."""
        authorization = f"Bearer {token}" if token else authorization
        headers = {"Authorization": authorization} if authorization else {}
        return connect(
            self.server.url + path,
            additional_headers=headers,
            compression=None,
            proxy=None,
            **options,
        )

    async def refused(self, *args: Any, **options: Any) -> Any:
        """Return the HTTP answer of an upgrade that must not succeed."""
        try:
            async with self.open(*args, **options):
                raise AssertionError("it was let in")
        except InvalidStatus as error:
            return error.response


@asynccontextmanager
async def world(**options: Any):
    """Give a running server on a free port."""
    lines: list[tuple[int, str]] = []
    options.setdefault("port", 0)
    chosen = ServerOptions(**options)
    async with (
        DevServer(chosen, lambda level, line: lines.append((level, line))) as one,
        httpx.AsyncClient(base_url=one.http_url, trust_env=False, verify=False) as http,
    ):
        yield World(one, http, lines)
    assert not [line for _, line in lines if "Error" in line], lines


@asynccontextmanager
async def connected(**options: Any):
    """Give a running server and a socket of its user."""
    async with world(**options) as one, one.open(await one.token()) as socket:
        yield one, socket


async def receive(socket, count: int | None = None) -> Any:
    """Return the next frame as a value, or the next ``count`` of them."""
    if count is None:
        return json.loads(await asyncio.wait_for(socket.recv(), 2))
    return [await receive(socket) for _ in range(count)]


async def ending(socket) -> tuple[int, str]:
    """Return how a socket ends, after whatever else it says."""
    try:
        async with asyncio.timeout(3):
            while True:
                await socket.recv()
    except ConnectionClosed as error:
        seen = error.rcvd
        return (1006, "") if seen is None else (seen.code, seen.reason)


async def until(one: World, live: int) -> None:
    """Return when so many sockets are live; soon, or the story's time runs out."""
    while (await one.stats())["live"] != live:
        await asyncio.sleep(0.005)
