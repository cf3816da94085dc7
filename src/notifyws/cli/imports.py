"""What a command is spared of what libraries import: most of a start is imports.

``UNUSED`` is never imported. ``LATE`` is imported when it is asked for anything, as
``lazy import`` of PEP 810 will have it: until then a stand-in has its place.
``importlib.util.LazyLoader`` is of no use: each ``import`` asks it for its
specification, and has it load. Only what is imported by its bare name, and used inside
of functions, gains: what is asked for at once is imported at once, as ever.
"""

from __future__ import annotations

import os
import sys
import typing
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

UNUSED = ("click", "opentelemetry.metrics", "hiredis")
"""What libraries take wherever it is installed: httpx its command line, for 0.1 s;
redis-py measurements, for 10 ms, and a reader that makes a list of any length that is
announced, for 7 s."""
LATE = (
    "asyncio.sslproto",
    "bz2",
    "difflib",
    "gettext",
    "importlib.metadata",
    "ipaddress",
    "locale",
    "lzma",
    "msgspec.inspect",
    "platform",
    "random",
    "secrets",
    "shlex",
    "shutil",
    "subprocess",
    "tempfile",
    "textwrap",
    "tokenize",
    "typing_extensions",
)
"""What ``asyncio``, ``websockets``, ``urllib.parse``, ``msgspec``, ``typer``, ``uuid``,
``platformdirs``, ``traceback``, ``linecache`` and we import: with what these import
themselves, 58 modules (Python 3.11)."""
KNOWN: Mapping[str, Mapping[str, Any]] = {
    "platform": {"system": lambda: os.uname().sysname},
    "secrets": {
        "token_bytes": os.urandom,
        "token_hex": lambda size: os.urandom(size).hex(),
    },
    "subprocess": {"PIPE": -1, "STDOUT": -2, "DEVNULL": -3},
    "typing_extensions": {
        name: getattr(typing, name)
        for name in ("get_type_hints", "NotRequired", "Required")
    },
}
"""What is not worth an import: what ``uuid``, ``msgspec`` and ``asyncio`` ask for at
once, and what ``websockets`` and the lock of a token need of ``secrets``."""
CALLED = {
    "difflib": "get_close_matches",
    "gettext": "gettext",
    "random": "random",
    "shlex": "quote",
    "shutil": "get_terminal_size",
    "tempfile": "gettempdir",
}
"""Functions that are taken at once, and that few ever call."""


def spare_imports() -> None:
    """Have stand-ins for what is not loaded yet; to be called before the libraries."""
    for name in UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    for name in LATE:
        if name not in sys.modules:
            sys.modules[name] = _StandIn(name)


class _StandIn(ModuleType):
    """Has the place of a module until it is asked for what it does not know."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        vars(self).update(KNOWN.get(name, {}))
        if name in CALLED:
            vars(self)[CALLED[name]] = partial(self._call, CALLED[name])

    def __getattr__(self, attribute: str) -> Any:
        name = self.__name__
        if attribute == "__path__" and (name in KNOWN or name in CALLED):
            raise AttributeError(attribute)  # each ``from`` asks for it
        return getattr(self._loaded(), attribute)

    def _call(self, function: str, *args: Any, **named: Any) -> Any:
        return getattr(self._loaded(), function)(*args, **named)

    def _loaded(self) -> ModuleType:
        name = self.__name__
        if sys.modules.get(name) is self:
            del sys.modules[name]
        real = import_module(name)
        vars(self).update(vars(real))  # asked once, not at each use
        return real
