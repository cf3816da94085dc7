"""Secrets as text: which can be sent, and others' words shown without them.

A peer may repeat what it was told, spelt as it was told or cut short: a secret is
known by its first characters, and masked as far as it goes on. In JSON it is known by
what the text means, for one character has many spellings there; also in JSON within
JSON. What vanishes where a text is shown hides no secret.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlsplit

from notifyws.models import printable
from notifyws.protocol.unseen import VANISHING, may_vanish

SHORTEST = 4
"""Characters of the shortest text that is worth masking."""
MARK = 12
"""Characters by which a secret is known; fewer of them give nothing away."""

LAYERS = 4
"""How deep JSON may stand within JSON, and known secrets are found in it."""

_NAME = (
    r"(?i)(?:pass|pwd|secret|token|jwt|auth|credential|session|cookie|key)"
    r"[\w.-]{0,64}+(?<!type)(?<!expires_in)(?<!expires_at)(?<!expiresin)(?<!expiresat)"
    r"(?<!lifetime)(?<!ttl)\\*+[\"']?\s*+[:=]\s*+(?:(?:bearer|basic)\s+)?"
)
"""What is called a secret: in JSON, in JSON within JSON, in a query, in a header.

What only tells of one, as ``token_type`` does, is none. No run is looked at without
end, nor twice: a peer may send a megabyte of ``key``."""
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
_KEY = r"[A-Za-z_.-]+\\*[\"']\s*:"
_OPAQUE = rf"(?a)(?<![\w+/=.~%-])(?!{_KEY})[\w+/=.~%-]{{16,}}"
"""What may be a token, whatever it is called: long, without blanks, and no key."""
_ESCAPE = (
    r"(?a)\\(?:u(?:([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})"
    r"|([\da-fA-F]{4}))|([\"\\/bfnrt]))"
)
"""How JSON may spell a character: as two halves, by its number, or by a short form."""
_SHORT = {'"': '"', "\\": "\\", "/": "/"} | dict(
    zip("bfnrt", "\b\f\n\r\t", strict=True)
)
_NUMBER = r"(?a)(?<!\\)(\\+)u00(?:(22)|(?!27|5[cC])([2-7][\da-fA-F]))"
"""A character by its number, however deep: a name may be spelt so, and its quotes."""
_RUN = r"(?a)[\w.~+/=-]*[\w~+/=-]"
"""What a token is made of."""

Span = tuple[int, int]


def sendable(token: str) -> bool:
    """Tell whether a header can carry a token: printable ASCII without blanks."""
    return re.fullmatch(r"[!-~]+", token) is not None


@lru_cache(maxsize=8)
def spellings(*secrets: str) -> tuple[str, ...]:
    """Return secrets as they are, and as a query writes them.

    How JSON writes them need not be said: ``masked`` reads it.
    """
    forms: list[str] = []
    for secret in secrets:
        if len(secret) >= SHORTEST:
            quoted = quote(secret, safe="", errors="replace")
            small = re.sub(r"%..", lambda each: each[0].lower(), quoted)
            forms += (secret, quoted, small)
    return tuple(dict.fromkeys(forms))


def queried(url: str) -> tuple[str, ...]:
    """Return what a URL's query calls a secret, as in ``?access_token=...``."""
    pairs = parse_qsl(urlsplit(url).query)
    return tuple(value for name, value in pairs if is_called_secret(name))


def is_called_secret(name: str) -> bool:
    """Tell whether a name is one of a secret."""
    return re.search(_NAME, f"{name}=") is not None


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with ``***`` for every secret, or part it begins with.

    A secret is found however JSON may spell it, down to JSON within JSON.
    """
    alike: dict[str, list[str]] = {}
    for secret in sorted(filter(None, secrets)):
        alike.setdefault(secret[:MARK], []).append(secret[MARK:])
    return _blotted(text, _known(text, alike, LAYERS))


def without_tokens(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` of which the shape can be seen, but nothing that may be a token.

    Known secrets are masked, what is called one, and every long run of characters
    without a blank; what cannot be printed is a blank.
    """
    seen = re.sub(VANISHING, "", text) if may_vanish(text) else text
    spoken = re.sub(_SPOKEN, _kept, without_named(printable(seen), secrets))
    return re.sub(_OPAQUE, "***", spoken)


def without_named(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` without known secrets, and all that is called one in it.

    What stands below such a name is masked, whatever its shape and however short.
    """
    text = masked(text, secrets) if secrets else text
    spans = list(_named(text))
    if "\\u00" in text:
        spans += _within(text, _NUMBER, _read, lambda meant: list(_named(meant)))
    return _blotted(text, spans) if spans else text


def _named(text: str) -> Iterator[Span]:
    """Yield where what is called a secret stands."""
    end, names, values = 0, re.compile(_NAME), re.compile(_VALUE)
    while (name := names.search(text, end)) is not None:
        start = end = name.end()
        if text[start : start + 1] in ("[", "{"):
            end = _end_of_section(text, start)
            yield start, end
        elif (value := values.match(text, start)) is not None:
            end = value.end()
            yield start + len("".join(value.groups(default=""))), end


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


def _blotted(text: str, spans: Iterable[Span]) -> str:
    """Return ``text`` with ``***`` for each span; of those that overlap, for all."""
    shown: list[str] = []
    end = 0
    for start, stop in sorted(spans):
        if start >= end:
            shown += (text[end:start], "***")
        end = max(end, stop)
    return "".join((*shown, text[end:]))


def _known(
    text: str, alike: Mapping[str, Sequence[str]], layers: int, seen: bool = False
) -> list[Span]:
    """Return where secrets stand: in a text, in what is seen and what JSON means of it.

    Args:
        alike: by their beginnings, what they go on with, sorted.
        layers: of JSON that are read.
        seen: whether what vanishes was taken out already; once is as it is shown.
    """
    spans = [span for mark in alike for span in _begun(text, mark, alike[mark])]
    if alike and not seen and may_vanish(text):
        spans += _within(
            text,
            VANISHING,
            lambda _: "",
            lambda left: _known(left, alike, layers, True),
        )
    if layers and alike and "\\" in text:
        spans += _within(
            text, _ESCAPE, _meaning, lambda it: _known(it, alike, layers - 1, seen)
        )
    return spans


def _begun(text: str, mark: str, rests: Sequence[str]) -> Iterator[Span]:
    """Yield what begins with ``mark``, as far as any of the secrets goes on.

    What goes on otherwise is another secret, as the token before this one: all of it.
    """
    longest, run = max(map(len, rests)), re.compile(_RUN)
    end = covered = 0
    while (start := text.find(mark, end)) >= 0:
        end = start + len(mark)
        ahead = text[end : end + longest]
        near = bisect_right(rests, ahead)  # most alike are its neighbours in the order
        alike = rests[max(near - 1, 0) : near + 1]
        end += max(_common(ahead, rest) for rest in alike)
        is_whole = text[start:end][len(mark) :] in alike
        if end > covered and not is_whole and (more := run.match(text, end)):
            covered = more.end()  # another may begin in it
        yield start, max(end, covered)


def _common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginnings."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one.startswith(other[:middle]):
            least = middle
        else:
            most = middle - 1
    return least


def _within(
    text: str,
    escape: str,
    meaning: Callable[[re.Match[str]], str],
    find: Callable[[str], list[Span]],
) -> list[Span]:
    """Return where in ``text`` stands what is found in its meaning."""
    meant = re.sub(escape, meaning, text)
    if meant == text or not (spans := find(meant)):
        return []
    ends, shorter, inner = [0], 0, [0]
    for each in re.finditer(escape, text):
        shorter += len(each[0]) - len(meaning(each))
        ends.append(each.end())
        inner.append(each.end() - shorter)

    def outer(place: int) -> int:
        last = bisect_right(inner, place) - 1
        return ends[last] + place - inner[last]

    return [(outer(start), outer(end)) for start, end in spans]


def _meaning(escape: re.Match[str]) -> str:
    """Return the character that an escape means."""
    high, low, number, short = escape.groups()
    if number:
        return chr(int(number, 16))
    if high:
        return chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF))
    return _SHORT[short]


def _read(escape: re.Match[str]) -> str:
    """Return the character of a number; a quote stays as deep as it was."""
    slashes, quote, number = escape.groups()
    return f'{slashes}"' if quote else chr(int(number, 16))


def _towards(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return "elsewhere"
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    host = parts.netloc.rpartition("@")[2]
    if host and re.fullmatch(r"(?a)[\w.:\[\]-]+", host):
        return f"to {scheme}//{host}"
    return "elsewhere" if scheme or host else "within this server"
