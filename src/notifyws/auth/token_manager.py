"""One fresh token for everybody: cached, else refreshed once, else logged in.

Any number of processes and hosts that share a cache cause one refresh together:
whoever has the lock does the work, the others wait and read its result. What is
written carries a new ``generation`` and only replaces the generation that was read:
a logout wins, and an old token never overwrites a newer one. So what was got is kept
also by a holder whose lock was lost meanwhile, for the old refresh token may be spent.

The cache and the server's HTTP side are handed in. Of that, every call raises
:class:`~notifyws.errors.AuthenticationFailed` when what was shown is no good, and
:class:`~notifyws.errors.NetworkFailed` otherwise.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from notifyws.auth.cache import TokenCache, text_in
from notifyws.auth.cache.keys import KEEP
from notifyws.auth.cached_tokens import (
    ACCESS,
    AccessToken,
    CachedTokens,
    pack,
    read_cached_tokens,
)
from notifyws.auth.token_lock import LockLost, TokenLock
from notifyws.clock import Clock
from notifyws.errors import AuthenticationFailed, NetworkFailed, NotifyError
from notifyws.models import Account, TokenPair, TokenSource

if TYPE_CHECKING:
    from notifyws.auth.http_api import HttpApi

POLL = 0.05
"""Seconds between looks while another process does the work."""
LATELY = 8
"""Tokens that are remembered, so that nobody shows them."""
BY_WORDS = "2"
"""What is kept of a password whose refusal may be a proxy's; "1" of any other."""


class TokenManager:
    """Keeps the tokens of one account.

    Args:
        cache: shared with everybody else who keeps them.
        username: to log in with; may be empty.
        password: to log in with; empty when only cached tokens can be used.
        find_password: asked when ``password`` is empty and only a login is left.
        no_way_in: why there is no way in then.

    Attributes:
        obtained: how many tokens the server gave, by how.
    """

    def __init__(
        self,
        account: Account,
        cache: TokenCache,
        issuer: HttpApi,
        clock: Clock,
        *,
        username: str = "",
        password: str = "",
        find_password: Callable[[], Awaitable[str]] | None = None,
        no_way_in: str = "no usable token is cached and no password is set",
    ) -> None:
        self._account, self._cache = account.id, cache
        self._issuer, self._clock = issuer, clock
        self._username, self._password = username, password
        self._find_password, self._no_way_in = find_password, no_way_in
        self.obtained: Counter[TokenSource] = Counter()
        self._found_password = ""
        self._lately = deque[str](maxlen=LATELY)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password that was found, and the tokens that were used of late."""
        return self._found_password, *self._lately

    async def peek(self) -> CachedTokens:
        """Return what is cached, without changing anything."""
        now = read_cached_tokens(await self._cache.read(self._account, *ACCESS))
        self._remember(now.access.value if now.access else None, now.refresh)
        return now

    async def get(self) -> AccessToken:
        """Return a fresh access token, from wherever it costs least.

        Raises:
            AuthenticationFailed: no way to one is left.
            NetworkFailed: the server cannot be asked.
        """
        now = await self.peek()
        return now.access or await self._single_flight(None)

    async def renew(self, refused: str, *, only_login: bool = False) -> AccessToken:
        """Return another token than ``refused``, which the server did not accept.

        Only that very token is dropped: one that somebody else has got in the
        meantime stays, and is used.

        Args:
            only_login: it came straight from a refresh, so only a login can help.
        """
        now = await self.peek()
        if now.access is not None and now.access.value == refused:
            expect = {"access": now.access_text}
            await self._cache.replace(self._account, {"access": None}, expect=expect)
        return await self._single_flight(refused, only_login=only_login)

    async def force(self) -> AccessToken:
        """Return a new token; those who force at once and saw the same one share it."""
        now = await self.peek()
        return await self._single_flight(now.access.value if now.access else None)

    async def login(self) -> tuple[AccessToken, TokenPair]:
        """Log in whatever is cached, also with a password remembered as wrong."""
        before = await self.peek()
        pair = await self._log_in(await self._secret())
        return await self._store(pair, before, "login"), pair

    async def keep(self, pair: TokenPair) -> AccessToken:
        """Keep tokens of a login that was made another way, whatever is cached."""
        return await self._store(pair, await self.peek(), "login")

    async def clear(self) -> None:
        """Empty the account's cache, so that a refresh in flight is not kept."""
        emptied = {"access": None, "refresh": None}
        generation = (self._clock.secret(), KEEP["generation"])
        await self._cache.replace(
            self._account, {**emptied, "generation": generation}, expect={}
        )

    async def logout(self) -> NotifyError | None:
        """Tell the server, and empty the cache in any case.

        Returns:
            Why the server could not be told; ``None`` when it was.
        """
        before = await self.peek()
        await self.clear()
        access = before.access.value if before.access else ""
        if not (access or before.refresh):
            return None
        try:
            await self._issuer.logout(access, before.refresh or "")
        except (NetworkFailed, AuthenticationFailed) as error:
            return error
        return None

    async def _single_flight(
        self, seen: str | None, *, only_login: bool = False
    ) -> AccessToken:
        lock = TokenLock(self._cache, self._account, self._clock.secret())
        try:
            while not (served := await self._wait_for_turn(lock, seen)):
                await self._issuer.prepare()
                with suppress(LockLost):
                    return await self._obtain(lock, only_login)
            return served
        finally:
            await lock.release()

    async def _wait_for_turn(
        self, lock: TokenLock, seen: str | None
    ) -> AccessToken | None:
        """Return what somebody else has got meanwhile; ``None`` with the lock."""
        while not await lock.take():
            await self._clock.sleep(POLL * (1 + self._clock.dice()))
            if served := (await self.peek()).other_than(seen):
                return served
        return (await self.peek()).other_than(seen)

    async def _obtain(self, lock: TokenLock, only_login: bool) -> AccessToken:
        now = await self.peek()
        problem: NotifyError | None = None
        if now.refresh is not None and not only_login:
            try:
                exchange = partial(self._refresh, now, now.refresh)
                return await lock.use(now.refresh, exchange, self._secret)
            except (AuthenticationFailed, NetworkFailed) as error:
                problem = error
        password = await self._secret()
        if not password and problem is not None:
            raise problem
        await self._unless_denied(password)  # slow on a busy machine, so before
        await lock.hold()
        pair = await lock.during(self._log_in(password))
        return await self._store(pair, now, "login")

    async def _refresh(self, now: CachedTokens, token: str) -> AccessToken:
        try:
            pair = await self._issuer.refresh(token)
        except AuthenticationFailed as error:
            if not error.by_words:  # those of a proxy would cost a good token
                expect = {"refresh": now.refresh_text}
                gone = {"refresh": None}
                await self._cache.replace(self._account, gone, expect=expect)
            raise
        return await self._store(pair, now, "refresh")

    async def _secret(self) -> str:
        """Return the password; a keyring is opened for nothing less than a login."""
        if self._password or self._find_password is None:
            return self._password
        self._found_password = found = await self._find_password()
        return found

    def _remember(self, *secrets: str | None) -> None:
        self._lately += (each for each in secrets if each and each not in self._lately)

    async def _log_in(self, password: str) -> TokenPair:
        if not password:
            message = f"not logged in: {self._no_way_in}"
            raise AuthenticationFailed(message, "notifyws auth login")
        try:
            return await self._issuer.login(self._username, password)
        except AuthenticationFailed as error:
            how = BY_WORDS if error.by_words else "1"
            denied = {self._denied(password): (how, KEEP["denied"])}
            await self._cache.replace(self._account, denied, expect={})
            raise

    async def _unless_denied(self, password: str) -> None:
        name = self._denied(password) if password else ""
        found = await self._cache.read(self._account, name) if name else {}
        if said := text_in(found, name):
            raise AuthenticationFailed(
                "the server refused this password less than a minute ago",
                "correct the password, or hear why, at once: notifyws auth login",
                by_words=said == BY_WORDS,
            )

    async def _store(
        self, pair: TokenPair, before: CachedTokens, source: TokenSource
    ) -> AccessToken:
        """Keep a pair, both tokens in one step, unless somebody was faster.

        A reply without a refresh token leaves the old one its remaining time.
        """
        self.obtained[source] += 1
        self._remember(*(each.value for each in (pair.access, pair.refresh) if each))
        user_id = pair.user_id or before.user_id
        entries = {
            "access": (pack(pair.access, user_id), pair.access.fresh_for),
            "generation": (self._clock.secret(), KEEP["generation"]),
        }
        if pair.refresh is not None:
            entries["refresh"] = (pack(pair.refresh, user_id), pair.refresh.fresh_for)
        expect = {"generation": before.generation}
        await self._cache.replace(self._account, entries, expect=expect)
        return AccessToken(pair.access.value, source, pair.access.lifetime, user_id)

    def _denied(self, password: str) -> str:
        """Return the name under which this password is remembered as wrong.

        A slow keyed digest: a cache that leaks gives no password away.
        """
        secret = password.encode("utf-8", "surrogatepass")
        salt = self._account.encode()
        digest = hashlib.scrypt(secret, salt=salt, n=2**14, r=8, p=1, dklen=16)
        return f"denied:{digest.hex()}"


class StaticTokenProvider:
    """Keeps a token that was given whole: nothing is cached, nothing is renewed."""

    obtained: Mapping[TokenSource, int] = {}

    def __init__(self, pair: TokenPair) -> None:
        self.secrets = (pair.access.value,)
        self._token = AccessToken(
            pair.access.value, "static", pair.access.lifetime, pair.user_id
        )

    async def get(self) -> AccessToken:
        """Return the token."""
        return self._token

    async def renew(self, refused: str, *, only_login: bool = False) -> AccessToken:
        """Raise: there is no other token.

        Raises:
            AuthenticationFailed: always.
        """
        raise self._token.not_accepted()
