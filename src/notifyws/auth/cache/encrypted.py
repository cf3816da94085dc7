"""Tokens encrypted at rest: a seal around any token cache.

``access`` and ``refresh`` are sealed by ``cryptography``'s MultiFernet under the keys
of ``NOTIFYWS_CACHE_KEY``: the first one seals, all of them open, so that a key can be
changed without a login. Account and name stand inside what is sealed, so that a value
cannot be moved elsewhere. *What cannot be opened is not there*: a wrong key, a plain
value and rubbish read as an empty cache, which costs a login.

Locks, generations and digests stay as they are: they are no secrets, and they are
compared by the cache itself. A sealed text differs each time it is written, so what
is expected of one is compared here, and then the very bytes that were seen are
expected of the cache.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from notifyws.auth.cache import Changes, Entry, Texts, TokenCache, text_in
from notifyws.errors import ConfigurationError

__all__ = ["MARK", "Seal", "SealedCache"]

SEALED = frozenset({"access", "refresh"})
"""Names whose texts hold secrets."""
MARK = "gAAAA"
"""How every sealed text begins, whoever sealed it: with Fernet's version and time."""
SALT = b"notifyws token cache"
"""Fixed: every host has to make the same key of the same words."""


class Seal:
    """Seals texts, and opens what it sealed.

    Args:
        keys: any texts, comma separated; the first seals, all open. A slow digest
            makes a key of each, so that short ones cannot be tried by the million.

    Raises:
        ConfigurationError: there is no key, or the extra is not installed.
    """

    def __init__(self, keys: str) -> None:
        try:
            from cryptography.fernet import Fernet, MultiFernet
        except ImportError:
            raise ConfigurationError(
                "NOTIFYWS_CACHE_KEY needs an extra", "pip install 'notifyws[secure]'"
            ) from None
        words = [word.strip() for word in keys.split(",") if word.strip()]
        if not words:
            raise ConfigurationError(
                "NOTIFYWS_CACHE_KEY holds no key", "set a key, or unset the variable"
            )
        self._fernet = MultiFernet([Fernet(_key(word)) for word in words])

    def close(self, account: str, name: str, text: str) -> str:
        """Return a text sealed for one place."""
        plain = f"{account}:{name}:{text}".encode("utf-8", "surrogatepass")
        return self._fernet.encrypt(plain).decode()

    def open(self, account: str, name: str, text: str) -> str | None:
        """Return what was sealed, ``None`` for what no key of ours sealed there."""
        from cryptography.fernet import InvalidToken

        try:
            plain = self._fernet.decrypt(text.encode("utf-8", "surrogatepass"))
        except InvalidToken:
            return None
        place, opened = f"{account}:{name}:", plain.decode("utf-8", "surrogatepass")
        return opened.removeprefix(place) if opened.startswith(place) else None

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
    """Seals what another cache keeps.

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

    async def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
        """Write and delete in one step, if what is there is still as expected."""
        watched = SEALED & expect.keys()
        held = await self._primary.read(account, *watched) if watched else {}
        plain = self._seal.opened(account, held)
        if any(text_in(plain, name) != expect[name] for name in watched):
            return False
        seen = {name: text_in(held, name) for name in watched}
        sealed = {
            name: (self._seal.close(account, name, entry[0]), entry[1])
            for name, entry in entries.items()
            if entry is not None and name in SEALED
        }
        return await self._primary.replace(
            account, {**entries, **sealed}, expect={**expect, **seen}
        )

    async def aclose(self) -> None:
        """Close the primary; safe to call twice."""
        await self._primary.aclose()


def _key(words: str) -> bytes:
    secret = words.encode("utf-8", "surrogatepass")
    key = hashlib.scrypt(secret, salt=SALT, n=2**14, r=8, p=1, dklen=32)
    return base64.urlsafe_b64encode(key)
