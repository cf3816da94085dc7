"""Catching up has an end, whatever a server does, and hides no gap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import pytest

from notifyws.auth.token_manager import StaticTokenProvider
from notifyws.config.settings import Settings
from notifyws.connection.catch_up import UNREAD, CatchUp
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Receiver
from notifyws.errors import HttpRefused, NetworkFailed, TokenRefused
from notifyws.models import Notification, Token, TokenPair
from notifyws.protocol.cursor import Cursor
from notifyws.protocol.failures import FailureClassifier
from notifyws.protocol.profile import Catchup, Rule, Step
from notifyws.protocol.rules import Rules
from tests.support.scripted import note
from tests.support.virtual import VirtualClock, elapsed

pytestmark = pytest.mark.virtual_time

RULES = Rules(
    [
        Rule(match={"type": "gap"}, then="gap"),
        Rule(match={"type": "presence"}, then="ignore"),
        *(Rule(match={"type": each}, then="notification") for each in ("a", "note")),
    ],
)
Answer = Callable[[int], Awaitable[list[dict[str, Any]]]]


class Desk:
    """A listener that knows notification 1, and fetches what came after it.

    Args:
        answer: gives a page, given how often it was asked.
    """

    def __init__(self, order: str, answer: Answer, tokens: Any = None) -> None:
        clock = VirtualClock().clock
        self.asked, self._answer = 0, answer
        self.known: dict[str, Any] = {}
        self.queue = DeliveryQueue(1000, 1_000_000)
        self.receiver = Receiver(RULES, self.queue, Cursor(0), clock)
        self.told: list[str] = []
        self.receiver.emitter.observers.append(lambda e: self.told.append(e.name))
        self.receiver.take([note(1)])
        how = FailureClassifier({}, {}), Settings(jitter=0), clock
        catchup = Catchup(step=Step(path="/m"), order=order)
        tokens = tokens or StaticTokenProvider(TokenPair(Token("t", 60.0, 0.0)))
        self.catch_up = CatchUp(catchup, self._fetch, tokens, *how)

    async def _fetch(self, token: str, known: Any) -> list[dict[str, Any]]:
        self.asked, self.known = self.asked + 1, known
        return await self._answer(self.asked)

    async def ids(self) -> list[str | None]:
        """Return what was handed over."""
        found = await self.queue.get()
        return [each.id for each in found if isinstance(each, Notification)]


def page(first: int, count: int = 3) -> list[dict[str, Any]]:
    return [{"type": "a", "id": str(n)} for n in range(first, first + count)]


@pytest.mark.parametrize("seconds", [UNREAD / 4 - 0.1, UNREAD - 0.1])
@pytest.mark.parametrize("order", ["oldest first", "newest first"])
async def test_slow_pages_without_end_cost_a_gap_and_what_came_is_shown(order, seconds):
    """The socket is open meanwhile, and nobody reads it: alive and deaf."""

    async def slowly(asked: int) -> list[dict[str, Any]]:
        await asyncio.sleep(seconds)
        new = page(100 * asked if order == "oldest first" else 10_000 - 100 * asked)
        return new if order == "oldest first" else new[::-1]

    desk = Desk(order, slowly)
    whole = desk.catch_up(desk.receiver, "t")
    assert await elapsed(whole) == pytest.approx(UNREAD)
    came = int(UNREAD / seconds)
    assert desk.asked == came + 1
    assert len(await desk.ids()) == 1 + 3 * came


async def test_a_server_that_never_answers_is_not_waited_for_for_ever():
    async def never(asked: int) -> list[dict[str, Any]]:
        await asyncio.Event().wait()
        return []

    desk = Desk("oldest first", never)
    async with asyncio.timeout(UNREAD + 1):
        assert await desk.catch_up(desk.receiver, "t") is False


async def test_refusals_and_delays_count_as_well():
    async def refuses(asked: int) -> list[dict[str, Any]]:
        await asyncio.sleep(8)
        if asked % 3:
            raise HttpRefused("busy", status=503)
        return page(100 * asked)

    desk = Desk("oldest first", refuses)
    assert await elapsed(desk.catch_up(desk.receiver, "t")) <= UNREAD
    assert len(await desk.ids()) == 1 + 3


@pytest.mark.parametrize("ids", ["none", "the same"])
async def test_a_page_that_leads_nowhere_is_shown_once_and_the_rest_is_a_gap(ids):
    """Seen: asked for, shown and handed to hooks as often as there may be pages."""
    numbered = page(5)[::-1]
    plain = [{"type": "a", "title": each["id"]} for each in numbered]
    desk = Desk("newest first", bodies(plain if ids == "none" else numbered))
    assert await desk.catch_up(desk.receiver, "t") is False
    assert desk.asked == (1 if ids == "none" else 2)
    assert len(await desk.ids()) == 1 + 3
    found = await desk.catch_up.after("1", desk.receiver)
    assert not found.complete


def bodies(*given: list[dict[str, Any]]) -> Answer:
    """Return what answers with these, one after the other, and on with the last."""

    async def answer(asked: int) -> list[dict[str, Any]]:
        return given[min(asked, len(given)) - 1]

    return answer


WITHOUT = {3, 6}
"""Which of the server's have no id, though others have."""


def some(numbers: range, without: Collection[int] = WITHOUT) -> list[dict[str, Any]]:
    """Return notifications, of which some have no id."""
    ids = [{} if n in without else {"id": n} for n in numbers]
    return [
        {"type": "a", "title": f"n{n}", **known}
        for n, known in zip(numbers, ids, strict=True)
    ]


class Paged:
    """Answers three at a time, oldest first, behind the one that is asked after."""

    def __init__(self, all_there_is: list[dict[str, Any]], *, pages: bool) -> None:
        self.all, self.pages = all_there_is, pages
        self.desk = Desk("oldest first", self.answer)

    async def answer(self, asked: int) -> list[dict[str, Any]]:
        if not self.pages:
            return self.all
        after = self.desk.known["last_id"]
        known = [each.get("id") for each in self.all]
        first = known.index(after) + 1 if after in known else 0
        return self.all[first : first + 3]


@pytest.mark.parametrize("pages", [True, False])
@pytest.mark.parametrize("last", [6, 7, 8, 9])
async def test_what_has_no_id_at_the_end_of_a_page_hides_none_behind_it(last, pages):
    """Seen: the pages behind it were never asked for, and no gap was said."""
    desk = Paged(some(range(1, last + 1)), pages=pages).desk
    assert await desk.catch_up(desk.receiver, "t") is True
    found = await desk.queue.get()
    titles = [each.title for each in found if isinstance(each, Notification)]
    assert titles[1:] == [f"n{n}" for n in range(2, last + 1)]
    check = await desk.catch_up.after(1, desk.receiver)
    assert check.complete


@pytest.mark.parametrize("first", [2, 5])
async def test_a_full_page_without_any_id_may_hide_others(first):
    desk = Paged(some(range(1, 20), range(first, 10)), pages=True).desk
    assert await desk.catch_up(desk.receiver, "t") is False
    check = await desk.catch_up.after(1, desk.receiver)
    assert not check.complete


@pytest.mark.parametrize("kind", ["presence", "nobody knows"])
@pytest.mark.parametrize("order", ["oldest first", "newest first"])
async def test_a_page_of_what_is_no_notification_is_not_the_end(order, kind):
    """Seen: all behind five ignored things of a history was lost without a word."""

    first = page(5) if order == "oldest first" else page(20)[::-1]
    answer = bodies(first, [{"type": kind}] * 3)
    desk = Desk(order, answer)
    assert await desk.catch_up(desk.receiver, "t") is False
    desk = Desk(order, answer)
    assert not (await desk.catch_up.after("1", desk.receiver)).complete


async def test_fewer_of_them_than_a_page_holds_are():
    desk = Desk("oldest first", bodies(page(5), [{"type": "presence"}] * 2))
    assert await desk.catch_up(desk.receiver, "t") is True


@pytest.mark.parametrize("order", ["oldest first", "newest first"])
async def test_a_gap_that_a_page_tells_of_is_one_for_who_verifies(order):
    first = [{"type": "gap"}, *page(5)]
    desk = Desk(order, bodies(first if order == "oldest first" else first[::-1], []))
    found = await desk.catch_up.after("1", desk.receiver)
    assert [each.id for each in found.notifications] == ["5", "6", "7"]
    assert not found.complete


class Busy:
    """Tokens of which another one is a long time coming."""

    async def renew(self, refused: str) -> None:
        await asyncio.Event().wait()


async def test_another_token_is_not_waited_for_for_ever():
    """Seen: deaf for 94 s behind others who waited for the lock of the same account."""

    async def refuses(asked: int) -> list[dict[str, Any]]:
        await asyncio.sleep(8)
        raise TokenRefused("no")

    desk = Desk("oldest first", refuses, Busy())
    with pytest.raises(NetworkFailed, match="no other token in time"):
        async with asyncio.timeout(UNREAD + 0.1):
            await desk.catch_up(desk.receiver, "t")
