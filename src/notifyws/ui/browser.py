"""Opens a link in the person's browser, as the desktop would.

Knows nothing of where links come from: it is handed one that may be followed. The
browser gets none of our terminal, and none of our secrets.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress


def open_link(url: str, environment: Mapping[str, str]) -> bool:
    """Start a browser with ``url``; return whether there is one to start.

    Args:
        url: http, https or mailto.
        environment: what it gets; ``BROWSER`` names the person's choice, with ``%s``
            where the URL goes, several of them with a ``:`` between.
    """
    for name, *arguments in _commands(url, environment):
        program = shutil.which(name, path=environment.get("PATH"))
        if program is None:
            continue
        with suppress(OSError):
            process = subprocess.Popen(  # noqa: S603 - the person's own browser, without a shell
                [program, *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            threading.Thread(target=process.wait, daemon=True).start()  # no zombie
            return True
    return False


def _commands(url: str, environment: Mapping[str, str]) -> Iterator[list[str]]:
    for chosen in filter(None, environment.get("BROWSER", "").split(":")):
        try:
            words = shlex.split(chosen)
        except ValueError:
            continue
        named = any("%s" in word for word in words)
        yield [word.replace("%s", url) for word in words] + ([] if named else [url])
    for opener in ("open",) if sys.platform == "darwin" else ("xdg-open", "wslview"):
        yield [opener, url]
