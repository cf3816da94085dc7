"""The cursor: where a listener stands in a server's history, and goes on.

It is the id of the last notification that was handed over, never of one that merely
arrived; before the first one it may be a time to begin at.

Some servers that do not know the id they are asked for send all that they keep (ntfy,
nchan: ``since`` and ``Last-Event-ID`` of what was never cached). What these bring from
before a listener began is not new. The server's own timestamps tell, whatever its clock
or zone: nothing counts as old that is no older than the oldest of what was handed over.
Of all other servers nothing is old: timestamps may be a publisher's, who is late or
early, and a repeat is better than a loss that nobody sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from notifyws.models import Notification, as_text
from notifyws.protocol.deduplicator import LONGEST_ID, Deduplicator, mark_of
from notifyws.protocol.places import SURE_TO_FIT, Places, fits_url
from notifyws.protocol.since import is_before, sent_at, text_and_zone

UNSURE = 300.0
"""Seconds by which timestamps of one server may be out of order."""

NOTHING = ("", " ")
"""No timestamp, and a zone that none has."""


class Cursor:
    """Where a listener stands in a server's history.

    Args:
        last_id: where to start; ``None`` for "from now".
        can_resume: whether the profile says how to ask for what was missed.
        snapshot: whether the server sends all that it holds at every connect.
        partial: whether not all that is listened to can be had again.
        repeats: whether what has no id may come twice, as while a token is renewed.
        by_id: whether an id that comes again is a duplicate.
        seen: ids that were handed over before this process, the oldest first.
        mixed: whether some of what came before this process had no id.
        since: the time to begin at, where no id is known.
        places: where streams stand that the server numbers by itself, if it does.
        began_at: unix seconds, by the server's clock, when what an earlier process was
            given last was sent; ``None`` where that is not known.
        warn: is told, once each, that one id names several notifications, and that
            what a replay brings is left out for being too old.
        fits: tells whether the server can be asked for what came after an id.
        dumps: whether the server sends all that it keeps for an id unknown to it.

    Attributes:
        deduplicator: knows what was handed over.
        since: the time to ask for, until something was handed over.
        beginning: what is older is not new, while a replay may last.
        began_at: as given, or when the oldest of what was handed over was sent.
    """

    def __init__(
        self,
        last_id: str | int | None = None,
        *,
        can_resume: bool = True,
        snapshot: bool = False,
        partial: bool = False,
        repeats: bool = False,
        by_id: bool = True,
        seen: Iterable[str | int] = (),
        mixed: bool = False,
        since: datetime | None = None,
        places: Places | None = None,
        began_at: float | None = None,
        warn: Callable[[str], None] | None = None,
        fits: Callable[[str | int], bool] = fits_url,
        dumps: bool = False,
    ) -> None:
        self.last_id: str | int | None = None
        self._fits = fits
        self._sure = SURE_TO_FIT if fits is fits_url else 0
        self._asks, self._can_resume = can_resume, can_resume and not partial
        self._snapshot = snapshot
        self._partial, self._dumps = partial, dumps
        self.since = self._asked_since = since
        self.beginning: datetime | None = None
        self._past: datetime | None = None
        self._beginning_until = 0.0
        self.began_at = began_at
        self._no_older, self._zone = NOTHING
        self._warn = warn or (lambda text: None)
        self._said: set[str] = set()
        self._opened = False
        self.mixed = mixed
        self.places = places
        self.deduplicator = Deduplicator(
            seen, repeats=repeats, snapshot=snapshot, by_id=by_id
        )
        self._seen = self.deduplicator.seen
        if last_id is not None:
            self.begin_at(last_id)

    def begin_at(self, last_id: str | int) -> None:
        """Ask for what came after this one, which was handed over elsewhere."""
        if self._fits(last_id):
            self.last_id = last_id
        self.deduplicator.add(last_id)

    @property
    def place(self) -> str | int | datetime | None:
        """Where to go on: after an id, at a time, or from now."""
        return self.since if self.last_id is None else self.last_id

    @property
    def can_resume(self) -> bool:
        """Whether a reconnect can ask the server for what was missed."""
        return self._can_resume and self.place is not None

    @property
    def covers_everything(self) -> bool:
        """Whether that brings all of it: what has no id is not replayed for sure."""
        snapshot = self._snapshot and not self._partial
        if self.places is not None and self.places.covers_everything:
            return True
        return snapshot or (self.can_resume and not self.mixed)

    def is_repeat(
        self,
        notification: Notification,
        ident: str | int | None,
        now: Callable[[], float],
    ) -> bool:
        """Return whether it was handed over before, or is too old to be new.

        ``now`` returns monotonic seconds.
        """
        if self.beginning is not None and self.is_too_old(notification, now()):
            if self._asked_since is None:
                what = "left out what the server sends from before this listener began"
                self._say_once(
                    "old", f"{what}: a notification of {notification.timestamp}"
                )
            return True
        if ident is not None and ident not in self._seen:
            return False
        deduplicator = self.deduplicator
        if ident is None:
            return deduplicator.may_repeat and deduplicator.is_repeat(
                as_text(notification.fields), now()
            )
        if not deduplicator.by_id:
            return False
        if not deduplicator.is_reused(ident, mark_of(notification), now()):
            return True
        what = f"the profile's id is not unique: {as_text(ident)!r} came again"
        shown = "with other content, and is shown as another notification"
        self._say_once("reused", f"{what} {shown}")
        return False

    def is_news(self, notification: Notification) -> bool:
        """Return whether what was fetched is new: never another of a known id."""
        past = self._past
        old = past is not None and is_before(notification.timestamp, past)
        return not old and self.deduplicator.is_new(notification.id)

    def _say_once(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._warn(text)

    def is_too_old(self, notification: Notification, now: float) -> bool:
        """Return whether a replayed notification is older than the beginning.

        Nothing is, once the replay must be over (``now`` is monotonic seconds): then a
        timestamp tells of the server's clock only. That newer ones were handed over
        is no reason: a server may send its history in any order.
        """
        if self.beginning is None or now >= self._beginning_until:
            self.beginning = None
            return False
        return is_before(notification.timestamp, self.beginning)

    def advance(
        self, ident: str | int | None, notification: Notification | None = None
    ) -> None:
        """Take note that a notification was handed over.

        Args:
            ident: its id, a new one, if it has one.
            notification: itself, where it did not only lie in a gap.
        """
        self.since = None
        if notification is not None:
            self._begin_no_later([notification])
        if ident is None:
            self.mixed = True
            return
        if self._is_fit(ident):
            self.last_id = ident  # else more comes again, and is known by its id
        content = 0 if notification is None else mark_of(notification)
        self._seen.add(ident, content)

    def advance_over(self, notifications: Sequence[Notification]) -> int:
        """Take note that a burst was handed over, up to what takes a look.

        Returns:
            How many were: those before one that has no id, or none that is a short
            text, or one that was seen before. It is what :meth:`is_repeat` and
            :meth:`advance` do, for all that a burst mostly holds.
        """
        idents: list[str] = []
        for each in notifications:
            ident = each.fields.get("id")
            if type(ident) is not str or not 0 < len(ident) <= LONGEST_ID:
                break
            idents.append(ident)
        if count := self._seen.add_new(idents, map(mark_of, notifications)):
            self.since = None
            self._begin_no_later(notifications[:count])
            fit = (i for i in reversed(idents[:count]) if self._is_fit(i))
            self.last_id = next(fit, self.last_id)
        return count

    def _is_fit(self, ident: str | int) -> bool:
        short = type(ident) is str and len(ident) <= self._sure
        return short or self._fits(ident)

    def _begin_no_later(self, notifications: Iterable[Notification]) -> None:
        """Note when the first was sent; reading a time takes a while."""
        text, zone = self._no_older, self._zone
        for each in notifications:
            said = each.fields.get("timestamp")
            if type(said) is not str or (  # of one form, the later is the greater text
                said >= text and len(said) == len(text) and said.endswith(zone)
            ):
                continue
            sent = sent_at(each)
            if sent is not None and (self.began_at is None or sent <= self.began_at):
                self.began_at = sent
                text, zone = text_and_zone(said) or NOTHING
        self._no_older, self._zone = text, zone

    def opened(self, now: float, replay: float) -> None:
        """Begin with a connection that replays, or sends what the server holds.

        Args:
            now: monotonic seconds.
            replay: seconds after which equal content is news again, and nothing is too
                old.
        """
        again, self._opened = self._opened, True
        self._beginning_until = now + replay
        self.beginning = self._asked_since
        asks = self._asks and self.place is not None
        resumes = asks or (again and self._snapshot)
        is_sure = self._dumps and self.beginning is None
        if asks and is_sure and self.began_at is not None:
            began_at = max(0.0, self.began_at - UNSURE)
            self.beginning = datetime.fromtimestamp(began_at, UTC)
        self._past = self.beginning
        self.deduplicator.opened(now, replay if resumes else 0.0, replay)
