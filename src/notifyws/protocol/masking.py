"""Secrets as text: which can be sent, and others' words shown without them.

A peer may repeat what it was told, spelt as it was told or cut short: a secret is
known by its first characters, and masked as far as it goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import takewhile
from urllib.parse import parse_qsl, quote, urlsplit

SHORTEST = 4
"""Characters of the shortest text that is worth masking."""
MARK = 12
"""Characters by which a secret is known; fewer of them give nothing away."""

_NAME = (
    r"(?i)(?:pass|pwd|secret|token|jwt|auth|credential|session|cookie|key)"
    r"(?![\w.-]{0,64}(?:type|expires_?(?:in|at)|lifetime|ttl)(?![\w.-]))[\w.-]{0,64}"
    r"\\*[\"']?\s*[:=]\s*(?:(?:bearer|basic)\s+)?"
)
"""What is called a secret: in JSON, in JSON within JSON, in a query, in a header.

What only tells of one, as ``token_type`` does, is none. No run is looked at without
end: a peer may send a megabyte of ``key``."""
_VALUE = (
    r"(\")(?:[^\"\\]|\\.)*|(\\+\")(?:[^\"\\]|\\(?!\\{0,64}\"))*|(')[^']*"
    r"|[^\s,&;{}\[\]\"'\\]+"
)
"""What a secret is, where it is no list or object."""
_STEP = r"[\[\]{}]|\\{0,64}[\"']"
_WORD = r"[^\s,;\"'{}\[\]\\]+"
_SPOKEN = (
    r"(?<![A-Za-z])((?i:bearer|basic)\s+(?:(?i:token)\s+)?\\*[\"']?)"
    r"(?!(?i:token|auth\w*|scheme|credentials?|header|is|was|required|expected)\b)"
    rf"{_WORD}"
    r"|(?<![A-Za-z])((?i:token)\s+\\*[\"']?)"
    r"(?!(?:[A-Z]?[a-z]{0,10}|[A-Z]{1,11})(?![\w+/=~%-]|\.\w))"
    rf"{_WORD}"
)
"""What follows these words, as in a header; but no plain word of a sentence."""
_RUN = r"[\w+/=.~%-]"
_KEY = r"[A-Za-z_.-]+\\*[\"']\s*:"
_OPAQUE = rf"(?a)(?<!{_RUN})(?!{_KEY}){_RUN}{{16,}}"
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


def queried(url: str) -> tuple[str, ...]:
    """Return what a URL's query calls a secret, as in ``?access_token=...``."""
    pairs = parse_qsl(urlsplit(url).query)
    return tuple(value for name, value in pairs if re.search(_NAME, f"{name}="))


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
    spoken = re.sub(_SPOKEN, _kept, without_named(plain, secrets))
    return re.sub(_OPAQUE, "***", spoken)


def without_named(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` without known secrets, and all that is called one in it.

    What stands below such a name is masked, whatever its shape and however short.
    """
    text, shown, end = masked(text, secrets), "", 0
    while (name := re.compile(_NAME).search(text, end)) is not None:
        start = name.end()
        shown += text[end:start]
        if text[start : start + 1] in ("[", "{"):
            shown, end = f"{shown}***", _end_of_section(text, start)
        elif (value := re.compile(_VALUE).match(text, start)) is not None:
            shown, end = shown + _kept(value), value.end()
        else:
            end = start
    return shown + text[end:]


def _end_of_section(text: str, start: int) -> int:
    """Return where a list or an object ends that begins at ``start``, if it ends.

    Brackets within texts are none: a text ends with the very quote it began with, be
    it escaped or not.
    """
    depth, quote = 0, ""
    for step in re.compile(_STEP).finditer(text, start):
        mark = step[0]
        if quote:
            quote = "" if mark == quote else quote
        elif mark[-1] in "\"'":
            quote = mark
        else:
            depth += 1 if mark in "[{" else -1
            if depth == 0:
                return step.end()
    return len(text)


def _kept(found: re.Match[str]) -> str:
    """Return what stood before a secret, or how its text begins."""
    return f"{''.join(found.groups(default=''))}***"


def redirected(status: int, location: str | None) -> str:
    """Return what to say of a ``Location``: its origin, for it may repeat a secret.

    It is a redirect with a status of 3xx only; others have one for other reasons.
    """
    if not location or not 300 <= status < 400:
        return ""
    return f" (a redirect {_towards(location)}, not followed)"


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
    host = parts.netloc.rpartition("@")[2]
    if host and re.fullmatch(r"(?a)[\w.:\[\]-]+", host):
        return f"to {scheme}//{host}"
    scheme = scheme or host
    return "elsewhere" if scheme else "within this server"
