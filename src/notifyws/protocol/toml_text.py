"""Texts of others as TOML has them, in ASCII and on one line."""

from __future__ import annotations


def quoted(text: str) -> str:
    """Return a string of TOML, in ASCII; unlike JSON it knows no surrogates."""
    printable = (c if " " <= c <= "~" and c not in '"\\' else _escaped(c) for c in text)
    return f'"{"".join(printable)}"'


def shown(text: str) -> str:
    """Return a text for a comment, which is one line."""
    return text if text.isprintable() else quoted(text)


def _escaped(character: str) -> str:
    code = 0xFFFD if "\ud800" <= character <= "\udfff" else ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
