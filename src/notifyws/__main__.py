"""The command: the installed script, and ``python -m notifyws``."""

from __future__ import annotations

import gc
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line.

    Garbage is not looked for while it starts: what starts keeps the 50,000 objects
    that it makes, and to look among them after every 700 takes 10 ms.
    """
    gc.disable()
    from notifyws import cli

    cli.main()


if __name__ == "__main__":
    main()
