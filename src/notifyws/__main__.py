"""The command: the installed script, and ``python -m notifyws``."""

from __future__ import annotations

import gc
from typing import NoReturn

__all__ = ["main"]

RARELY = 50_000
"""Objects to be made before garbage is looked for. What starts makes nothing else than
what it keeps, and a notification leaves none behind: looking every 700 is in vain."""


def main() -> NoReturn:
    """Run the command line."""
    gc.set_threshold(RARELY)
    from notifyws import cli

    cli.main()


if __name__ == "__main__":
    main()
