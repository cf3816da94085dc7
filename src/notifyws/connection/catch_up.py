"""What was missed, by HTTP: forwards from a known id, or by paging back to it.

The socket is open meanwhile, and nobody reads it: so all of it has an end, whatever
the server does, and what has not come by then lies in a gap. A request that fails is
repeated by the table of delays.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from notifyws.clock import Clock, sleep
from notifyws.config.settings import Settings
from notifyws.connection.ports import Found, Place, Receiver, Tokens
from notifyws.connection.reconnect import delay
from notifyws.errors import NetworkFailed
from notifyws.models import Notification
from notifyws.protocol.arrivals import Arrival, many, notifications, tells_gap
from notifyws.protocol.expressions import compiled, names
from notifyws.protocol.failures import FailureClassifier, Verdict
from notifyws.protocol.field_mapping import mapper, plain
from notifyws.protocol.frames import InvalidFrame
from notifyws.protocol.profile import Catchup
from notifyws.protocol.since import is_before, spelled

Result = TypeVar("Result")
Fetch = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Returns an answer's body, given the token and variables."""
SEE = "look at [resume.catchup] of the profile: notifyws profile show"
RENEWED = "see who holds the token's lock, and the login: notifyws status --check"
REPEATS = 3
"""Times that a request is repeated before what it was to bring lies in a gap."""
UNREAD = 30.0
"""Seconds that an open socket may lie unread meanwhile, all pages and delays in."""


class _Pages:
    """Where paging has come to: from a place on, or from now backwards.

    Attributes:
        known: the variables that the next page is asked for with.
        ended: whether nothing leads further.
        whole: whether that is because nothing is there.
    """

    def __init__(self, place: Place | None, *, newest_first: bool) -> None:
        self._newest_first = newest_first
        self._stands = "before" if newest_first else "last_id"
        self._ids, self._size = list[str | int | None](), 0
        self.known: dict[str, Any] = {"last_id": place, "since": None, "before": None}
        if isinstance(place, datetime):
            self.known |= {"last_id": None, "since": spelled(place)}
        self.ended, self.whole = False, True

    def turn(self, page: list[Notification], size: int) -> list[Notification]:
        """Turn to what is after a page; return what of this one counts.

        What has no id leads nowhere: at the end of a page it comes again, behind the
        last that has one. Where none has, nothing tells what is behind a full page, or
        the first where ids are known; one that comes again, whatever is asked for, is
        all that there is.

        Args:
            page: the notifications of it.
            size: how many there are with those that are none.
        """
        ids = [each.id for each in page]
        named = [n for n, each in enumerate(ids) if each is not None]
        count, last = (named[-1] + 1, ids[named[-1]]) if named else (0, None)
        if last in (None, self.known[self._stands]):
            is_same, has_ids = ids == self._ids, self.known["last_id"] is not None
            is_full = size >= self._size if self._size else has_ids or not page
            goes_on = is_full and not is_same and count < size
            self.ended = True
            self.whole = not (size if self._newest_first else goes_on)
            return page[count:] if is_same else page
        self._ids, self._size, self.known[self._stands] = ids, size, last
        if not self._newest_first:
            self.known["since"] = None
        return page[:count]


class CatchUp:
    """Fetches what was missed and hands it over, oldest first."""

    def __init__(
        self,
        catchup: Catchup,
        fetch: Fetch,
        tokens: Tokens,
        classifier: FailureClassifier,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._catchup = catchup
        self._newest_first = catchup.order == "newest first"
        self._fetch = fetch
        self._tokens = tokens
        self._classifier = classifier
        self._settings = settings
        self._clock = clock
        bare = replace(catchup, fields={"item": "item"}, text={}, keep=None)
        self._own = not plain(catchup) and bool(catchup.fields or catchup.text)
        self._read, self._read_all = mapper(catchup), mapper(bare)
        self._items = compiled(catchup.items) if catchup.items else None

    async def __call__(self, receiver: Receiver, token: str) -> bool:
        """Return whether it was all of it; a token that is refused is renewed, once.

        Raises:
            NetworkFailed: the server did not answer with it.
            NotifyError: there is no other token.
        """
        end = self._clock.now() + UNREAD
        return await self._renewing(token, end, partial(self._fetch_all, receiver, end))

    async def after(self, place: Place, receiver: Receiver) -> Found:
        """Return what the server has after a place, whatever of it is known.

        Raises:
            NetworkFailed: the server did not answer with it.
            NotifyError: there is no token.
        """
        token = (await self._tokens.get()).value
        end = self._clock.now() + UNREAD
        fetch = partial(self._fetch_after, place, receiver, end)
        return await self._renewing(token, end, fetch)

    async def _renewing(
        self, token: str, end: float, fetch: Callable[[str], Awaitable[Result]]
    ) -> Result:
        try:
            return await fetch(token)
        except NetworkFailed as error:
            if self._classifier.of(error) is not Verdict.RENEW:
                raise
        try:
            async with asyncio.timeout(end - self._clock.now()):
                another = await self._tokens.renew(token)
        except TimeoutError:
            raise NetworkFailed("there was no other token in time", RENEWED) from None
        return await fetch(another.value)

    async def _fetch_after(
        self, place: Place, receiver: Receiver, end: float, token: str
    ) -> Found:
        found: list[Notification] = []
        whole, pages = True, _Pages(place, newest_first=self._newest_first)
        async for body in self._bodies(token, pages, end):
            arrival, size = self._meaning(body, receiver)
            whole, page = whole and not tells_gap(arrival), notifications(arrival)
            at = next((n for n, each in enumerate(page) if _is_at(each, place)), None)
            if self._newest_first and at is not None:
                return Found([*found, *page[:at]][::-1], complete=whole)
            found += pages.turn(page, size)
            if pages.ended:
                reached = isinstance(place, datetime) or not self._newest_first
                found = self._oldest_first(found)
                return Found(found, complete=whole and pages.whole, reached=reached)
        is_sure = not self._newest_first
        return Found(self._oldest_first(found), complete=False, reached=is_sure)

    async def _fetch_all(self, receiver: Receiver, end: float, token: str) -> bool:
        missed = list[Notification]()
        pages = _Pages(receiver.cursor.place, newest_first=self._newest_first)
        async for body in self._bodies(token, pages, end):
            arrival, size = self._meaning(body, receiver)
            receiver.hear_fetched(arrival, body)
            page = pages.turn(notifications(arrival), size)
            new = [each for each in page if receiver.cursor.is_news(each)]
            missed += new
            reached = self._newest_first and len(new) < len(page)
            if self._newest_first and not (reached or pages.ended):
                continue  # what was known before lies further back
            await receiver.catch_up(self._oldest_first(missed))
            if reached or pages.ended:
                return reached or pages.whole
            missed = []
        await receiver.catch_up(missed[::-1])
        return False

    async def _bodies(
        self, token: str, pages: _Pages, end: float
    ) -> AsyncIterator[Any]:
        """Yield what is answered for each page, until the end."""
        for _ in range(self._catchup.pages):
            try:
                async with asyncio.timeout(end - self._clock.now()):
                    body = await self._fetch_patiently(token, pages.known, end)
            except TimeoutError:
                return
            yield body

    def _oldest_first(self, found: list[Notification]) -> list[Notification]:
        return found[::-1] if self._newest_first else found

    async def _fetch_patiently(
        self, token: str, known: Mapping[str, Any], end: float
    ) -> Any:
        """Return a body; a server that may do better soon is asked again."""
        for failures in itertools.count(1):
            try:
                return self._checked(await self._fetch(token, known))
            except NetworkFailed as error:
                draw, asked = self._clock.dice(), error.retry_after
                seconds = delay(self._settings, failures, draw, asked)
                verdict = self._classifier.of(error, worked=True)  # a socket is open
                hopeless = verdict is not Verdict.RETRY
                if hopeless or failures > REPEATS or self._clock.now() + seconds > end:
                    raise
            await sleep(self._clock, seconds)
        raise AssertionError  # pragma: no cover - it counts for ever

    def _checked(self, body: Any) -> Any:
        """Return a body that may say that nothing was missed.

        Raises:
            NetworkFailed: it is something else: a proxy's page, an error in JSON.
        """
        if self._items is None:
            makes_sense = body is not None
        elif (found := self._items(body)) is not None:
            makes_sense = isinstance(found, list | dict)
        else:
            known = names(self._catchup.items or "")
            makes_sense = isinstance(body, dict) and not known.isdisjoint(body)
        if not makes_sense:
            raise NetworkFailed("what was answered holds no notifications", SEE)
        return body

    def _meaning(self, body: Any, receiver: Receiver) -> tuple[Arrival, int]:
        """Return what a body means, and how many things are in it."""
        try:
            found = self._read_all(body, receiver.emitter.now())
            if self._own:
                return many(self._read(body, receiver.emitter.now())), len(found)
        except InvalidFrame as error:
            raise NetworkFailed(f"what was answered is {error}", SEE) from None
        items = [each.fields.get("item") for each in found]  # what is null is not there
        return receiver.meaning_of(items), len(found)


def _is_at(notification: Notification, place: Place) -> bool:
    """Return whether paging back has come to a place."""
    if isinstance(place, datetime):
        return is_before(notification.timestamp, place)
    return notification.id == place
