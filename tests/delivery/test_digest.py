"""A digest: one notification that counts, tells, and holds every one of many, whole."""

from __future__ import annotations

from notifyws.delivery.digest import SHOWN, WIDTH, digest_of
from notifyws.delivery.outbox_records import notification_of
from notifyws.models import Notification
from tests.support.queue import note

AT = "2026-01-15T10:30:00.000Z"


def test_it_counts_and_holds_each_as_the_server_wrote_it():
    exact = notification_of('{"type":"t","title":"","message":"m","n":[1.50]}')
    digest = digest_of([exact, note("two")], AT)
    assert (digest.type, digest.title) == ("digest", "2 notifications")
    assert digest.timestamp == AT
    assert digest.data["count"] == 2
    assert [each["title"] for each in digest.data["notifications"]] == ["", "two"]
    assert '"n":[1.50]' in digest.line()
    assert notification_of(digest.line()).data == digest.data


def test_its_message_has_a_line_for_each_of_the_first():
    many = [
        Notification({"type": "t", "title": "A", "message": "x\n y"}, "then"),
        Notification({"type": "t"}, "then"),
        Notification({"type": "t", "title": "L", "message": "z" * 999}, "then"),
        *map(note, range(SHOWN)),
    ]
    first, second, third, *_, last = digest_of(many, AT).message.split("\n")
    assert (first, second, last) == ("A: x y", "t", "and 3 more")
    assert len(third) == WIDTH
    assert third.endswith("…")
