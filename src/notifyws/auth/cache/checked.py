"""A token cache that answers with good values only, whoever wrote to it.

What cannot be read is not there: it is said once and taken away, so that it can be
replaced. What a newer version of ours wrote is not there either, but stays: it is
said once, and nothing is written over it. A logout still takes it away. ``keys`` says
what a good value is; with a cipher, tokens are encrypted in the other cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from notifyws.auth.cache import Changes, Entry, Texts, TokenCache, text_in
from notifyws.auth.cache.encryption import ENCRYPTED, MARK, TokenCipher
from notifyws.auth.cache.keys import NewerValue, UnreadableValue, decode
from notifyws.errors import CacheFailed


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
        self._primary = primary
        self._warn = warn
        self._cipher = cipher
        self._said: set[tuple[str, str]] = set()
        self._newer: set[tuple[str, str]] = set()
        self._tried: set[tuple[str, str]] = set()

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there and can be read."""
        found = await self._primary.read(account, *names)
        good, rubbish, newer = {}, {}, set()
        for name, entry in self._decrypted(account, found).items():
            try:
                decode(name, entry.text)
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
        """Write and delete in one step, if what is there is still as expected."""
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

    def _decrypted(self, account: str, found: dict[str, Entry]) -> dict[str, Entry]:
        return self._cipher.decrypted(account, found) if self._cipher else found

    async def _replace(self, account: str, entries: Changes, expect: Texts) -> bool:
        """Replace texts of the primary.

        An encrypted text differs each time it is written. So what is expected of one
        is compared here, and then the very text that was seen is expected there.
        """
        if self._cipher is None:
            return await self._primary.replace(account, entries, expect=expect)
        watched = ENCRYPTED & expect.keys()
        found = await self._primary.read(account, *watched) if watched else {}
        plain = self._decrypted(account, found)
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
