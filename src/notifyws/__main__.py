"""The command: the installed script, and ``python -m notifyws``."""

from __future__ import annotations

import gc
from typing import NoReturn

__all__ = ["main"]

RARELY = 100_000, 1, 1
"""How many objects are made before garbage is looked for, and how often thoroughly.
What starts keeps the 54,000 that it makes, and a notification leaves none behind: to
look every 700, as is usual, takes a start 8 ms and finds nothing."""


def main() -> NoReturn:
    """Run the command line."""
    gc.set_threshold(*RARELY)
    from notifyws import cli

    cli.main()


if __name__ == "__main__":
    main()
