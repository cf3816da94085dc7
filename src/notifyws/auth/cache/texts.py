"""Texts of a cache as bytes: any bytes are some text, and come back as they were.

Others write to a shared cache as well, so what lies there may be no UTF-8 and of any
size. Whoever reads it has to be able to name it, if only to take it away.
"""

from __future__ import annotations

__all__ = ["LARGEST", "bytes_of", "text_of"]

LARGEST = 64 * 1024
"""Bytes of a value beyond which it is none of ours, and reads as an empty text."""


def bytes_of(text: str) -> bytes:
    """Return the bytes that :func:`text_of` read, or a cache keeps of a text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def text_of(data: bytes) -> str:
    """Return a text for what a cache keeps, whatever it is."""
    if len(data) > LARGEST:
        return ""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")
