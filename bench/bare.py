"""Bare loops over ``websockets``: the least that a client in Python can do.

``count`` reads N messages and prints a line; ``print`` prints and flushes each;
``send`` sends N messages and waits for one pong behind them.
"""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.client import connect


async def main(how: str, url: str, count: int) -> None:
    """Do one of the above."""
    compression = "deflate" if "deflate" in how else None
    async with connect(url, compression=compression, max_queue=16) as socket:
        if how.startswith("count"):
            for _ in range(count):
                await socket.recv()
            sys.stdout.write("done\n")
        elif how == "print":
            for _ in range(count):
                sys.stdout.write(str(await socket.recv()) + "\n")
                sys.stdout.flush()
        elif how == "send":
            text = '{"type":"note","payload":{"title":"x"},"id":"%d"}'
            for number in range(count):
                await socket.send(text % number)
            await (await socket.ping())
            sys.stdout.write("done\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
