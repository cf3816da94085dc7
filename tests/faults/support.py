"""What tests of faults share: scripted servers for real commands, and their memory."""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, TextIO

from tests.e2e.support import Home, Reading, Running
from tests.support.httpd import Httpd, Story, in_a_thread

QUICK = {
    "NOTIFYWS_RETRY_DELAYS": "0.2",
    "NOTIFYWS_PING_INTERVAL": "1",
    "NOTIFYWS_PING_TIMEOUT": "0.5",
    "NOTIFYWS_CLOSE_TIMEOUT": "0.2",
}
"""Settings for which nobody has to wait long."""


def without_resume(folder: Path) -> str:
    """Write the default profile for a server that replays nothing; return its file."""
    text = (files("notifyws") / "protocol" / "profiles" / "default.toml").read_text()
    text = re.sub(r"\[resume\]\n(?:[^\[].*\n|\n)*", "", text)
    path = folder / "forgetful.toml"
    path.write_text(text.replace('name = "default"', 'name = "forgetful"'))
    return str(path)


@contextmanager
def scripted(
    home: Home, story: Story, tls: ssl.SSLContext | None = None, **env: str
) -> Iterator[Httpd]:
    """Run such a server and make it the configured one, with a ready-made token."""
    with in_a_thread(story, tls) as server:
        home.env |= {
            "WEBSOCKET_SERVER_URL": server.url,
            "NOTIFYWS_TOKEN": "ready-made",
            **QUICK,
            **env,
        }
        try:
            yield server
        finally:
            home.leave()


class Unread(Running):
    """A listener whose output is a pipe that nobody reads, until it is unblocked."""

    def __init__(self, home: Home, *args: str) -> None:
        unread, out = os.pipe()
        super().__init__("listen", *args, env=home.env, cwd=home.path, stdout=out)
        os.close(out)
        self._unread: TextIO | None = os.fdopen(unread)
        home.keep(self)

    def unblock(self) -> None:
        """Read from now on."""
        if self._unread is not None:
            self.out = Reading(self._unread)
            self._unread = None

    def stop(self) -> None:
        self.process.kill()
        self.unblock()
        super().stop()


def memory(pid: int, which: str = "VmRSS") -> int:
    """Return the kilobytes that a process has now, or of another kind."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(rf"{which}:\s*(\d+)", status)[0])


def peak(pid: int) -> float:
    """Return the most memory that a process has used, in megabytes."""
    return memory(pid, "VmHWM") / 1024


def strict(line: str) -> dict[str, Any]:
    """Read one line of ASCII-safe strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not strict JSON")

    assert line.isascii()
    value = json.loads(line, parse_constant=refuse)
    json.dumps(value, allow_nan=False)
    return value
