"""The command: the installed script, and ``python -m notifyws``."""

from __future__ import annotations

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line.

    Garbage is not looked for while it starts: what starts keeps the 50,000 objects
    that it makes, and to look among them after every 700 takes 10 ms.
    """
    gc.disable()
    try:
        from notifyws.cli.imports import spare_imports

        spare_imports()
        from notifyws.cli import app
    except KeyboardInterrupt:  # so early that nothing is to be told or undone
        _die_of_it()
    app.main()


def _die_of_it() -> NoReturn:
    import os
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
    os._exit(128 + signal.SIGINT)  # as PID 1, whom that does not kill


if __name__ == "__main__":
    main()
