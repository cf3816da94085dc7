"""Runs ``listen`` with a 5 ms ticker on its event loop; says how late that was."""

from __future__ import annotations

import asyncio
import sys
import time

EVERY = 0.005
worst = 0.0


async def tick() -> None:
    """Look at the clock again and again."""
    global worst
    due = time.monotonic() + EVERY
    while True:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        worst = max(worst, now - due)
        due = now + EVERY


def main() -> None:
    """Run the command, and the ticker beside it once it listens."""
    from notifyws.cli.app import app
    from notifyws.service import NotificationService

    begin = NotificationService.start

    def start(self, **options) -> None:
        begin(self, **options)
        self.ticking = asyncio.create_task(tick())

    NotificationService.start = start
    sys.argv[0] = "notifyws"
    app(["listen", *sys.argv[1:]], standalone_mode=False)
    sys.stderr.write(f"late {worst * 1000:.1f} ms\n")


if __name__ == "__main__":
    main()
