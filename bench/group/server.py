"""The development server in a process of its own; it ends when its stdin does."""

from __future__ import annotations

import asyncio
import sys

from notifyws.devserver.server import DevServer, ServerOptions


async def main() -> None:
    """Serve until stdin is closed; print the port first."""
    async with DevServer(ServerOptions(port=0)) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
