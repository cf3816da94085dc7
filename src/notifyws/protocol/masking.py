"""Secrets as text: which can be sent, and others' words shown without them.

A peer may repeat what it was told, spelt as it was told or cut short: a secret is
known by its first characters, and masked as far as it goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import takewhile
from urllib.parse import quote, urlsplit

__all__ = ["masked", "redirected", "sendable", "spellings", "without_tokens"]

SHORTEST = 4
"""Characters of the shortest text that is worth masking."""
MARK = 12
"""Characters by which a secret is known; fewer of them give nothing away."""

_NAMED = re.compile(
    r"((?:pass|pwd|secret|token|jwt|auth|credential|session|cookie|key)[\w.-]*"
    r"\\*[\"']?\s*[:=]\s*(?:(?:bearer|basic)\s+)?)"
    r"(?:(\")(?:[^\"\\]|\\.)*|(\\+\")(?:[^\"\\]|\\(?!\\*\"))*|(')[^']*"
    r"|[^\s,&;{}\[\]\"'\\]+)",
    re.IGNORECASE,
)
"""What is called a secret, and what it is: in JSON, in JSON within JSON, in a query."""
_RUN = r"[\w+/=.~%-]"
_KEY = r"[A-Za-z_.-]+\\*[\"']\s*:"
_OPAQUE = re.compile(rf"(?<!{_RUN})(?!{_KEY}){_RUN}{{16,}}", re.ASCII)
"""What may be a token, whatever it is called: long, without blanks, and no key."""


def sendable(token: str) -> bool:
    """Tell whether a header can carry a token: printable ASCII without blanks."""
    return re.fullmatch(r"[!-~]+", token) is not None


def spellings(*secrets: str) -> tuple[str, ...]:
    """Return secrets as they are, as a query and as JSON write them."""
    forms = (
        form
        for secret in secrets
        if len(secret) >= SHORTEST
        for form in (
            secret,
            quote(secret, safe="", errors="replace"),
            json.dumps(secret)[1:-1],
        )
    )
    return tuple(dict.fromkeys(forms))


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with ``***`` for every secret, or part it begins with."""
    alike: dict[str, list[str]] = {}
    for secret in sorted(secrets, key=len, reverse=True):
        alike.setdefault(secret[:MARK], []).append(secret[MARK:])
    for mark, rests in alike.items():
        text = _without(text, mark, rests)
    return text


def without_tokens(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` of which the shape can be seen, but nothing that may be a token.

    Known secrets are masked, what is called one, and every long run of characters
    without a blank; what cannot be printed is a blank.
    """
    plain = "".join(each if each.isprintable() else " " for each in text)
    named = _NAMED.sub(_kept, masked(plain, secrets))
    return _OPAQUE.sub("***", named)


def _kept(found: re.Match[str]) -> str:
    """Return the name of what is called a secret, and how its text begins."""
    name, *quotes = found.groups(default="")
    return f"{name}{''.join(quotes)}***"


def redirected(location: str | None) -> str:
    """Return what to say of a ``Location``: its origin, for it may repeat a secret."""
    return f" (a redirect {_towards(location)}, not followed)" if location else ""


def _without(text: str, mark: str, rests: Iterable[str]) -> str:
    """Mask what begins with ``mark``, as far as any of the secrets goes on."""
    shown, found, text = text.partition(mark)
    while found:
        longest = max(_common(text, rest) for rest in rests)
        before, found, text = text[longest:].partition(mark)
        shown += f"***{before}"
    return shown


def _common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginnings."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in alike)


def _towards(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return "elsewhere"
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    if parts.netloc:
        return f"to {scheme}//{parts.netloc.rpartition('@')[2]}"
    return "elsewhere" if scheme else "within this server"
