"""Tokens encrypted at rest: what a cache keeps of ``access`` and ``refresh``.

``cryptography``'s MultiFernet encrypts them under the keys of ``NOTIFYWS_CACHE_KEY``:
the first one encrypts, all of them decrypt, so that a key can be changed without a
login. Account and name stand inside what is encrypted, so that a value cannot be moved
elsewhere. *What cannot be decrypted is not there*: a wrong key, a plain value and
rubbish read as an empty cache, which costs a login.

Locks, generations and digests stay as they are: they are no secrets, and they are
compared by the cache itself.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from notifyws.auth.cache import Entry
from notifyws.errors import ConfigurationError

ENCRYPTED = frozenset({"access", "refresh"})
"""Names whose texts hold secrets."""
MARK = "gAAAA"
"""How every encrypted text begins, whoever wrote it: with Fernet's version and time."""
SALT = b"notifyws token cache"
"""Fixed: every host has to make the same key of the same words."""


class TokenCipher:
    """Encrypts texts, and decrypts what it encrypted.

    Args:
        keys: any texts, comma separated; the first encrypts, all decrypt. A slow
            digest makes a key of each: short ones cannot be tried by the million.

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

    def encrypt(self, account: str, name: str, text: str) -> str:
        """Return a text encrypted for one place; it differs each time."""
        plain = f"{account}:{name}:{text}".encode("utf-8", "surrogatepass")
        return self._fernet.encrypt(plain).decode()

    def decrypt(self, account: str, name: str, text: str) -> str | None:
        """Return what was encrypted, ``None`` for what no key of ours wrote there."""
        from cryptography.fernet import InvalidToken

        try:
            plain = self._fernet.decrypt(text.encode("utf-8", "surrogatepass"))
        except InvalidToken:
            return None
        place, found = f"{account}:{name}:", plain.decode("utf-8", "surrogatepass")
        return found.removeprefix(place) if found.startswith(place) else None

    def decrypted(self, account: str, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """Return entries as they are to be read; what cannot be is left out."""
        found = {}
        for name, (text, remaining) in entries.items():
            hidden = name in ENCRYPTED
            plain = self.decrypt(account, name, text) if hidden else text
            if plain is not None:
                found[name] = Entry(plain, remaining)
        return found


def _key(words: str) -> bytes:
    secret = words.encode("utf-8", "surrogatepass")
    key = hashlib.scrypt(secret, salt=SALT, n=2**14, r=8, p=1, dklen=32)
    return base64.urlsafe_b64encode(key)
