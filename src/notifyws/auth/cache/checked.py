"""A token cache that answers with good values only, whoever wrote to it.

What cannot be read is not there: it is said once and taken away, so that it can be
replaced. What a newer version of ours wrote is not there either, but stays: it is
said once, and nothing is written over it. A logout still takes it away. ``keys`` says
what a good value is.

With a key, tokens are encrypted at rest: what the other cache keeps of ``access`` and
``refresh``. ``cryptography``'s MultiFernet does that under the keys of
``NOTIFYWS_CACHE_KEY``: the first one encrypts, all of them decrypt, so that a key can
be changed without a login. Account and name stand inside what is encrypted, so that a
value cannot be moved elsewhere. *What cannot be decrypted is not there*: a wrong key, a
plain value and rubbish cost a login. Locks, generations and digests stay as they are:
they are no secrets, and they are compared by the cache itself.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from notifyws.auth.cache import Changes, Entry, Texts, TokenCache, text_in
from notifyws.auth.cache.keys import NewerValue, UnreadableValue, decode
from notifyws.config.extras import needs_extra
from notifyws.errors import CacheFailed, ConfigurationError

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
            raise needs_extra("NOTIFYWS_CACHE_KEY", "secure") from None
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


class CheckedCache(TokenCache):
    """Passes on what makes sense of what another cache keeps.

    Args:
        primary: keeps the texts; closed with this one.
        warn: told a sentence, once for each kind of value.
        cipher: encrypts tokens; ``None`` to keep them as they are.
    """

    def __init__(
        self,
        primary: TokenCache,
        warn: Callable[[str], None],
        cipher: TokenCipher | None = None,
    ) -> None:
        self.backend, self.url = primary.backend, primary.url
        self._primary, self._warn, self._cipher = primary, warn, cipher
        self._said: set[tuple[str, str]] = set()
        self._newer: set[tuple[str, str]] = set()
        self._tried: set[tuple[str, str]] = set()

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there and can be read."""
        found = await self._primary.read(account, *names)
        plain = self._cipher.decrypted(account, found) if self._cipher else found
        good, rubbish, newer = {}, {}, set()
        for name, entry in plain.items():
            try:
                decode(name, *entry)
            except NewerValue:
                newer.add(name)
            except UnreadableValue:
                if not entry.text.startswith(MARK):  # somebody else's key may fit
                    rubbish[name] = found[name].text
            else:
                good[name] = entry
        self._newer -= {(account, name) for name in names}
        self._newer |= {(account, name) for name in newer}
        self._say(newer, "a newer version of notifyws wrote it, so it is left alone")
        self._say(rubbish, "it cannot be read, so it counts as empty and is replaced")
        if rubbish:
            with suppress(CacheFailed):
                gone = dict.fromkeys(rubbish)
                await self._primary.replace(account, gone, expect=rubbish)
        return good

    async def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
        ours = {
            name: entry
            for name, entry in entries.items()
            if entry is None or (account, name) not in self._newer
        }
        done = await self._replace(account, ours, expect)
        in_the_way = {(account, name) for name in expect} - self._tried
        if not done and in_the_way:  # perhaps for no good reason
            self._tried |= in_the_way
            await self.read(account, *expect)
            done = await self._replace(account, ours, expect)
        if done:
            self._newer -= {(account, name) for name in ours}
        return done

    async def ping(self) -> None:
        """Return when the primary answered."""
        await self._primary.ping()

    async def aclose(self) -> None:
        """Close the primary; safe to call twice."""
        await self._primary.aclose()

    async def _replace(self, account: str, entries: Changes, expect: Texts) -> bool:
        """Replace texts of the primary.

        An encrypted text differs each time it is written. So what is expected of one
        is compared here, and then the very text that was seen is expected there.
        """
        if self._cipher is None:
            return await self._primary.replace(account, entries, expect=expect)
        watched = ENCRYPTED & expect.keys()
        found = await self._primary.read(account, *watched) if watched else {}
        plain = self._cipher.decrypted(account, found)
        if any(text_in(plain, name) != expect[name] for name in watched):
            return False
        encrypted = {
            name: (self._cipher.encrypt(account, name, entry[0]), entry[1])
            for name, entry in entries.items()
            if entry is not None and name in ENCRYPTED
        }
        seen = {name: text_in(found, name) for name in watched}
        return await self._primary.replace(
            account, {**entries, **encrypted}, expect={**expect, **seen}
        )

    def _say(self, names: Iterable[str], what: str) -> None:
        kinds = sorted({name.partition(":")[0] for name in names})
        fresh = [kind for kind in kinds if (kind, what) not in self._said]
        if fresh:
            self._said.update((kind, what) for kind in fresh)
            self._warn(f"token cache {self.url}, {' and '.join(fresh)}: {what}")
