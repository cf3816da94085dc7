"""httpx without a command line of its own: whoever uses httpx first asks here.

httpx imports that where it finds ``click``, and with it Rich and Pygments: 50 ms. An
extra may bring ``click`` along, and then every login would pay.
"""

from __future__ import annotations

import sys
from typing import Any


def import_httpx() -> None:
    """Import httpx, and of ``click`` nothing."""
    if "httpx" in sys.modules:
        return
    modules: dict[str, Any] = sys.modules
    hidden = modules.setdefault("click", None) is None  # None: it cannot be imported
    try:
        import httpx  # noqa: F401
    finally:
        if hidden:
            del modules["click"]
