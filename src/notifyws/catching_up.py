"""What was missed, by HTTP: forwards from a known id, or by paging back to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from notifyws.models import Notification
from notifyws.protocol.beginning import spelled
from notifyws.protocol.items import mapper, plain
from notifyws.protocol.profile import Catchup
from notifyws.protocol.resume import Cursor
from notifyws.telling import Teller

__all__ = ["CatchingUp", "Fetch"]

Fetch = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Returns an answer's body, given the token and variables."""


class Intake(Protocol):
    """What is needed of whoever takes notifications in."""

    cursor: Cursor
    teller: Teller

    def is_news(self, notification: Notification) -> bool: ...
    def arrivals(self, value: Any) -> list[Notification]: ...
    def catch_up(self, notifications: list[Notification]) -> Awaitable[None]: ...


class CatchingUp:
    """Fetches what was missed and hands it over, oldest first.

    Args:
        catchup: of the profile.
        fetch: makes the request.
    """

    def __init__(self, catchup: Catchup, fetch: Fetch) -> None:
        self._catchup = catchup
        self._fetch = fetch
        bare = replace(catchup, fields={"item": "item"}, text={}, keep=None)
        self._own = not plain(catchup) and bool(catchup.fields or catchup.text)
        self._read = mapper(catchup if self._own else bare)

    async def __call__(self, intake: Intake, token: str) -> bool:
        """Return whether it was all of it.

        Raises:
            NetworkFailed: the server did not answer with it.
        """
        newest_first = self._catchup.order == "newest first"
        last_id, before = intake.cursor.last_id, None
        since = intake.cursor.since and spelled(intake.cursor.since)
        missed: list[Notification] = []
        for _ in range(self._catchup.pages):
            asked = since if last_id is None else None
            known = {"last_id": last_id, "since": asked, "before": before}
            body = await self._fetch(token, known)
            page = self._page(body, intake)
            new = [each for each in page if intake.is_news(each)]
            missed += new
            reached = len(new) < len(page) or not page
            if newest_first and not reached:
                before = page[-1].id
                continue
            await intake.catch_up(missed[::-1] if newest_first else missed)
            if newest_first or not new:
                return True
            last_id, missed = new[-1].id, []
        await intake.catch_up(missed[::-1])
        return False

    def _page(self, body: Any, intake: Intake) -> list[Notification]:
        found = self._read(body, intake.teller.now())
        if self._own:
            return found
        return [n for each in found for n in intake.arrivals(each.fields["item"])]
