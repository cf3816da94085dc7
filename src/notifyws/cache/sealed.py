"""Tokens encrypted at rest: a seal around any token cache.

``access`` and ``refresh`` are sealed with AES-256-GCM under a key made of
``NOTIFYWS_CACHE_KEY``; account and name are part of what is authenticated, so that a
value cannot be moved elsewhere. *What cannot be opened is not there*: a wrong or
rotated key, a plain value and rubbish read as an empty cache, which costs a login.

Locks, generations and digests stay as they are: they are no secrets, and they are
compared by the cache itself. A sealed text differs each time it is written, so what
is expected of one is compared here, and then the very bytes that were seen are
expected of the cache.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping

from notifyws.cache import Entry, TokenCache
from notifyws.errors import ConfigurationError

__all__ = ["Seal", "SealedCache"]

SEALED = frozenset({"access", "refresh"})
"""Names whose texts hold secrets."""
MARK = "s1:"
"""What a sealed text begins with: the first form of it."""
NONCE = 12
"""Bytes, drawn anew for each text."""
SALT = b"notifyws token cache"
"""Fixed: every host has to make the same key of the same words."""


class Seal:
    """Seals texts, and opens what it sealed.

    Args:
        words: the user's own; a slow digest makes the key, so that words that are
            short cannot be tried by the million.

    Raises:
        ConfigurationError: the extra is not installed.
    """

    def __init__(self, words: str) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError:
            raise ConfigurationError(
                "NOTIFYWS_CACHE_KEY needs an extra", "pip install 'notifyws[secure]'"
            ) from None
        secret = words.encode("utf-8", "surrogatepass")
        key = hashlib.scrypt(secret, salt=SALT, n=2**14, r=8, p=1, dklen=32)
        self._cipher = AESGCM(key)

    def close(self, account: str, name: str, text: str) -> str:
        """Return a text sealed for one place."""
        nonce = os.urandom(NONCE)
        plain = text.encode("utf-8", "surrogatepass")
        sealed = self._cipher.encrypt(nonce, plain, _place(account, name))
        return MARK + base64.b64encode(nonce + sealed).decode()

    def open(self, account: str, name: str, text: str) -> str | None:
        """Return what was sealed, ``None`` for what this key did not seal there."""
        from cryptography.exceptions import InvalidTag

        if not text.startswith(MARK):
            return None
        try:
            raw = base64.b64decode(text.removeprefix(MARK), validate=True)
            nonce, sealed = raw[:NONCE], raw[NONCE:]
            plain = self._cipher.decrypt(nonce, sealed, _place(account, name))
            return plain.decode("utf-8", "surrogatepass")
        except (InvalidTag, ValueError):
            return None

    def opened(self, account: str, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """Return entries with what is sealed opened; what cannot be is left out."""
        found = {}
        for name, entry in entries.items():
            sealed = name in SEALED
            text = self.open(account, name, entry.text) if sealed else entry.text
            if text is not None:
                found[name] = Entry(text, entry.remaining)
        return found


class SealedCache(TokenCache):
    """Seals what another cache keeps; implements :class:`~notifyws.cache.TokenCache`.

    Args:
        primary: keeps the sealed texts; closed with this one.
        seal: seals and opens them.
    """

    def __init__(self, primary: TokenCache, seal: Seal) -> None:
        self.backend, self.url = primary.backend, primary.url
        self._primary = primary
        self._seal = seal

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there and can be opened."""
        return self._seal.opened(account, await self._primary.read(account, *names))

    async def replace(
        self,
        account: str,
        entries: Mapping[str, tuple[str, float] | None],
        *,
        expect: Mapping[str, str | None],
    ) -> bool:
        """Write and delete in one step, if what is there is still as expected."""
        seen = await self._seen(account, expect)
        if seen is None:
            return False
        sealed = {name: self._sealed(account, name, e) for name, e in entries.items()}
        return await self._primary.replace(account, sealed, expect={**expect, **seen})

    async def aclose(self) -> None:
        """Close the primary; safe to call twice."""
        await self._primary.aclose()

    def _sealed(
        self, account: str, name: str, entry: tuple[str, float] | None
    ) -> tuple[str, float] | None:
        if entry is None or name not in SEALED:
            return entry
        return self._seal.close(account, name, entry[0]), entry[1]

    async def _seen(
        self, account: str, expect: Mapping[str, str | None]
    ) -> dict[str, str | None] | None:
        """Return the bytes to expect of what is sealed; ``None`` if it is not so."""
        names = SEALED & expect.keys()
        if not names:
            return {}
        held = await self._primary.read(account, *names)
        plain = self._seal.opened(account, held)
        for name in names:
            entry = plain.get(name)
            if (entry.text if entry else None) != expect[name]:
                return None
        return {name: held[name].text if name in held else None for name in names}


def _place(account: str, name: str) -> bytes:
    return f"{account}:{name}".encode()
