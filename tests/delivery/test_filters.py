"""Which notifications pass, and when there were enough of them."""

import pytest

from notifyws.delivery.filters import Selection
from notifyws.errors import UsageError
from notifyws.models import Notification


def note(kind="t", **fields):
    return Notification({"type": kind, **fields}, "now")


def test_without_wishes_everything_passes_for_ever():
    selection = Selection()
    assert all(selection.admit(note(kind)) for kind in "abc")
    assert (selection.admitted, selection.satisfied) == (3, False)
    assert selection.admits_all


def test_only_the_types_asked_for_pass():
    selection = Selection(types=["a", "b"])
    assert [selection.admit(note(kind)) for kind in "abc"] == [True, True, False]
    assert not selection.admits_all


def test_a_filter_looks_at_the_whole_notification():
    selection = Selection(filter="data.status == 'STARTED' && title == ''")
    assert selection.admit(note(data={"status": "STARTED"}))
    assert not selection.admit(note(data={"status": "ENDED"}))
    assert not selection.admits_all


def test_types_and_filter_must_both_hold():
    selection = Selection(["a"], "x")
    given = [note("a", x=1), note("a"), note("b", x=1)]
    assert [selection.admit(one) for one in given] == [True, False, False]


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (None, False),
        (False, False),
        ("", False),
        ([], False),
        ({}, False),
        (0, True),
        (0.0, True),
        (True, True),
        ("false", True),
        ([0], True),
        ({"a": None}, True),
    ],
)
def test_truth_is_what_jmespath_says(value, passes):
    assert Selection(filter="x").admit(note(x=value)) is passes


@pytest.mark.parametrize(
    "expression",
    [
        "length(data)",
        "contains(title, data)",
        "data > title",
        "ceil(to_number(message))",
        "data2[::0]",
        "avg(huge)",
    ],
)
def test_what_cannot_be_worked_out_does_not_pass(expression):
    fields = {"data": 1, "data2": [1], "message": "inf", "huge": [10**400]}
    assert not Selection(filter=expression).admit(note(title="abc", **fields))


@pytest.mark.parametrize("expression", ["", "a..b", "nonesuch(data)"])
@pytest.mark.parametrize("option", ["filter", "until"])
def test_an_expression_that_nobody_could_use_is_a_wrong_use(option, expression):
    with pytest.raises(UsageError, match=f"^--{option} is not a JMESPath") as caught:
        Selection(**{option: expression})
    assert "\n" not in str(caught.value)
    assert "data.status" in caught.value.hint


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_is_positive(count):
    with pytest.raises(UsageError, match=f"1 or more, not {count}"):
        Selection(count=count)


def test_a_count_is_reached_by_what_passes():
    selection = Selection(types=["a"], count=2)
    passed = [selection.admit(note(kind)) for kind in "babaa"]
    assert passed == [False, True, False, True, False]
    assert selection.satisfied
    assert selection.admitted == 2


def test_until_lets_the_one_it_waited_for_pass_and_no_other():
    selection = Selection(until="x")
    passed = [selection.admit(one) for one in (note(), note(x=1), note())]
    assert passed == [True, True, False]
    assert selection.satisfied


def test_until_does_not_see_what_the_filters_keep_away():
    selection = Selection(types=["a"], until="x")
    assert not selection.admit(note("b", x=1))
    assert not selection.satisfied


def test_whichever_of_count_and_until_comes_first_is_enough():
    by_count, by_until = Selection(count=1, until="x"), Selection(count=9, until="x")
    by_count.admit(note())
    by_until.admit(note(x=1))
    assert by_count.satisfied
    assert by_until.satisfied


def test_an_expression_that_does_not_fit_says_so_once_and_passes_nothing():
    said = []
    selection = Selection(filter="abs(title)", until="abs(message)", warn=said.append)
    for _ in range(3):
        assert not selection.admit(note(title="x"))
    assert len(said) == 1
    assert said[0].startswith("--filter does not fit every notification: ")
    assert "\n" not in said[0]


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("type == trip_update", "trip_update"),
        ("data.status == STARTED && id", "STARTED"),
        ("data[?kind == mine]", "mine"),
        ("type == 'trip_update'", None),
        ("data.amount > `100`", None),
        ("data.from == data.to", None),
    ],
)
def test_a_text_that_is_not_quoted_is_said_to_be_a_field(expression, word):
    said = []
    Selection(filter=expression, warn=said.append)
    told = f"--filter compares with the field {word}; a text is quoted: '{word}'"
    assert said == ([told] if word else [])


def test_what_passes_unseen_is_counted_and_never_enough():
    selection = Selection(count=3)
    assert selection.admits_unseen(2)
    selection.count_admitted(2)
    assert selection.admitted == 2
    assert not selection.admits_unseen(1)
    assert not Selection(types=["a"]).admits_unseen(1)
