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
    "importlib.metadata",
    "ipaddress",
    "locale",
    "lzma",
    "msgspec.inspect",
    "platform",
    "textwrap",
    "tokenize",
    "typing_extensions",
)
"""What ``asyncio``, ``shutil``, ``websockets``, ``urllib.parse``, ``subprocess``,
``msgspec``, ``typer``, ``traceback`` and ``linecache`` import: with what these import
themselves, 30 modules."""
KNOWN: Mapping[str, Mapping[str, Any]] = {
    "platform": {"system": lambda: os.uname().sysname},
    "typing_extensions": {
        name: getattr(typing, name)
        for name in ("get_type_hints", "NotRequired", "Required")
    },
}
"""What is not worth an import: what ``uuid`` and ``msgspec`` ask for at once."""


def spare_imports() -> None:
    """Have stand-ins for what is not loaded yet; to be called before the libraries."""
    for name in UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    for name in LATE:
        if name not in sys.modules:
            sys.modules[name] = _stand_in(name)


def _stand_in(name: str) -> ModuleType:
    module = ModuleType(name)

    def attribute_of_it(attribute: str) -> Any:
        if attribute == "__path__" and name in KNOWN:  # each ``from`` asks for it
            raise AttributeError(attribute)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        real = import_module(name)
        vars(module).update(vars(real))  # asked once, not at each use
        return getattr(real, attribute)

    vars(module)["__getattr__"] = attribute_of_it
    vars(module).update(KNOWN.get(name, {}))
    return module
