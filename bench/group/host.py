"""A host of the fleet: one real listener of each of many groups, in one process.

Each has its own service, its own connections to Redis and its own beat, as if it were
alone; only the interpreter is shared. It prints ``joined`` when every group has a
leader, ``N ID`` for each notification that a listener of group N handled, and leaves
when its stdin is closed.
"""

from __future__ import annotations

import asyncio
import sys

from notifyws.config.settings import Settings
from notifyws.fleet.group.build import GroupOptions
from notifyws.service import NotificationService

CLAIM_AFTER = 10.0
"""Seconds after which what a dead listener held is another one's."""


async def main(url: str, cache: str, groups: str) -> None:
    """Listen until stdin is closed."""
    settings = Settings(
        url=url, username="demo", password="demo", redis_url=cache, keyring=False
    )
    async with asyncio.TaskGroup() as tasks:
        listeners = [
            NotificationService(
                settings, group=GroupOptions(f"g{n}", claim_after=CLAIM_AFTER), warn=say
            )
            for n in range(int(groups))
        ]
        for n, listener in enumerate(listeners):
            tasks.create_task(listen(n, listener))
        while not all(each.is_connected for each in listeners):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        say("joined")
        await asyncio.to_thread(sys.stdin.read)
        await asyncio.gather(*[listener.disconnect() for listener in listeners])


async def listen(group: int, service: NotificationService) -> None:
    """Handle what falls to one listener."""
    async with service:
        await service.connect_with_retry()
        async for notification in service:
            say(f"{group} {notification.id}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
