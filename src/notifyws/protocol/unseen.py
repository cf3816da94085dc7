"""What of a text vanishes where it is shown to people: patterns, and nothing else.

Whoever looks for something in a text that is shown later must look past it.
"""

from __future__ import annotations

_BODY = r"[^\x07\x18\x1a\x1b\x80-\x9f]*+"
SEQUENCE = (
    rf"(?:\x1b[P\]X^_]|[\x90\x98\x9d-\x9f]){_BODY}(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"
    r"|\x1b[P\]X^_\[]|[\x90\x98\x9b\x9d-\x9f]"
    r"|\x1b[ -/]*+[0-~]"
)
"""Escape sequences of every family, 7-bit and 8-bit forms alike; of one that never ends
its introducer."""
UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What nobody sees: bidi controls, zero-width and tag characters, fillers."""
ACCENT = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
"""What stands on the letter before it."""
VANISHING = rf"{SEQUENCE}|[{UNSEEN}\u200c\u200d\ufe0e\ufe0f]|{ACCENT}"
"""All that may vanish, or be hard to see."""


def may_vanish(text: str) -> bool:
    """Tell quickly that nothing of a text vanishes, as nearly always."""
    return not text.isascii() or "\x1b" in text
