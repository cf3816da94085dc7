"""A dead letter is one line, whole, and can be read back."""

import json

import pytest

from notifyws.delivery.outbox_records import Backlog, DeadLetter
from notifyws.models import Notification

LETTER = DeadLetter("exec", "ended with 1", 3, "then", '{"type":"t","own":[1.50,null]}')


def test_a_letter_is_one_json_line_that_holds_the_notification_as_it_was():
    line = LETTER.as_line()
    assert '"notification":{"type":"t","own":[1.50,null]}' in line
    assert json.loads(line)["attempts"] == 3
    assert "\n" not in line


def test_a_letter_can_be_read_back():
    again = DeadLetter.of_line(LETTER.as_line())
    assert Notification.of_line(again.line).fields == {"type": "t", "own": [1.5, None]}
    assert (again.sink, again.error, again.at) == ("exec", "ended with 1", "then")


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "no JSON",
        '{"type":"t"}',
        LETTER.as_line().replace('"type":"t"', '"type":1'),
        LETTER.as_line().replace('"attempts":3', '"attempts":null'),
        "[" * 100_000,
    ],
)
def test_what_is_no_letter_is_told_from_one(line):
    with pytest.raises(ValueError, match=r"no dead letter|Expecting"):
        DeadLetter.of_line(line)


def test_what_waits_is_counted():
    assert Backlog().plus("abc").plus("d") == Backlog(2, 4)
    assert Backlog(2, 4).minus("d") == Backlog(1, 3)
