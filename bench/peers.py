"""The programs that ours are measured against, installed where they are measured.

``httpie`` comes from PyPI, ``wscat`` from npm. The floors are loops of our own that
do nothing but what the row says.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["BARE", "HTTP", "NOTIFYWS", "PYTHON", "WSCAT", "install"]

HERE = Path(__file__).resolve().parent
PLACE = HERE / ".peers"
BIN = Path(sys.executable).parent
PYTHON = sys.executable
NOTIFYWS = str(BIN / "notifyws")
HTTP = str(PLACE / "venv/bin/http")
WSCAT = str(PLACE / "node_modules/.bin/wscat")
BARE = str(HERE / "bare.py")
FLOOR_APP = str(HERE / "floor_app.py")


def install() -> list[str]:
    """Install the peers that are not there yet; return those that cannot be had."""
    PLACE.mkdir(exist_ok=True)
    uv = str(BIN / "uv")
    if not Path(HTTP).exists():
        python = str(PLACE / "venv")
        subprocess.run([uv, "venv", "-q", python], check=False)
        install = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", python]
        subprocess.run([*install, "httpie"], check=False)
    if not Path(WSCAT).exists() and shutil.which("npm"):
        npm = ["npm", "install", "--silent", "--no-fund", "--prefix", str(PLACE)]
        subprocess.run([*npm, "wscat"], check=False)
    return [path for path in (HTTP, WSCAT) if not Path(path).exists()]
