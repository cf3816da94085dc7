"""Where in a command its key stands, so that a cluster can be asked at the right node.

Only commands that we use are known; pure. redis-py would ask a node for the keys of
some of them, with every command anew.
"""

from __future__ import annotations

from collections.abc import Sequence

Word = str | bytes | int
LONGEST = 32
"""Characters of a word that may make it one that means something here."""

KEYLESS = frozenset(
    {
        *("ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "FLUSHALL"),
        *("HELLO", "INFO", "PING", "ROLE", "SCRIPT", "SELECT", "TIME"),
    }
)
"""Commands that any node can answer."""
COUNTED = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})
"""Commands of a script, how many keys there are, and these."""
NAMED = frozenset({"XGROUP", "XINFO", "OBJECT", "MEMORY"})
"""Commands of two words before the key."""
STREAMS = frozenset({"XREAD", "XREADGROUP"})


def key_of(words: Sequence[Word]) -> Word | None:
    """Return the first key of a command, ``None`` where it has none."""
    name, rest = _upper(words[0]), words[1:]
    place = 0
    if name in KEYLESS:
        return None
    if name in COUNTED:
        place = 2 if _upper(*rest[1:2]) != "0" else len(rest)
    elif name in STREAMS:
        start = 3 if name == "XREADGROUP" else 0  # a group may have any name
        said = [_upper(word) for word in rest]
        place = said.index("STREAMS", start) + 1 if "STREAMS" in said[start:] else -1
    elif name in NAMED:
        place = 1
    return rest[place] if 0 <= place < len(rest) else None


def _upper(word: Word = "") -> str:
    text = word.decode("latin-1") if isinstance(word, bytes) else str(word)
    return text[:LONGEST].upper()
