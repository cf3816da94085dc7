"""A frozen value is a dataclass in everything but how its methods are made."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import (
    FrozenInstanceError,
    asdict,
    dataclass,
    field,
    fields,
    is_dataclass,
    replace,
)
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from notifyws.values import frozen


@frozen
class Token:
    """A value with all that a field can be."""

    kind: ClassVar[str] = "token"
    name: str
    value: str = field(default="", repr=False)
    tags: list[str] = field(default_factory=list)
    seen: int = field(default=0, compare=False, kw_only=True)


@frozen
class Longer(Token):
    """One that inherits fields."""

    more: str = ""


@frozen(kw_only=True)
class Named:
    """One whose fields are given by name."""

    path: str
    method: str = "POST"


@frozen
class Nothing:
    """One that holds nothing."""


@frozen
class Loud:
    """One that says for itself how it is shown."""

    text: str

    def __repr__(self) -> str:
        return self.text.upper()


@dataclass(frozen=True, slots=True)
class Usual:
    """The same as ``Token``, made by the standard library."""

    kind: ClassVar[str] = "token"
    name: str
    value: str = field(default="", repr=False)
    tags: list[str] = field(default_factory=list)
    seen: int = field(default=0, compare=False, kw_only=True)


def test_fields_are_given_in_order_or_by_name_and_have_defaults():
    token = Token("a", "secret", seen=3)
    assert (token.name, token.value, token.tags, token.seen) == ("a", "secret", [], 3)
    assert Token(value="secret", name="a", seen=3) == token
    assert Longer("a", more="b") == Longer("a", "", [], "b")
    assert Named(path="/").method == "POST"


def test_a_default_that_can_change_is_made_anew_for_each():
    assert Token("a").tags is not Token("a").tags


@pytest.mark.parametrize(
    ("given", "named", "said"),
    [
        ((), {}, "Token is not given 'name'"),
        (("a", "b", [], 4), {}, "Token takes at most 3 values in order, not 4"),
        (("a",), {"name": "b"}, "Token is given 'name' twice"),
        (("a",), {"nmae": "b"}, "Token has no 'nmae'"),
    ],
)
def test_what_does_not_fit_is_said(given, named, said):
    make: Any = Token
    with pytest.raises(TypeError, match=said):
        make(*given, **named)


def test_fields_by_name_only_are_not_taken_in_order():
    make: Any = Named
    with pytest.raises(TypeError, match="at most 0 values in order"):
        make("/")


def test_a_value_never_changes():
    token: Any = Token("a")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        token.name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del token.name
    with pytest.raises(FrozenInstanceError):
        token.nonesuch = 1
    assert not hasattr(token, "__dict__")


def test_values_are_equal_that_hold_the_same_and_are_of_one_kind():
    assert Token("a", seen=1) == Token("a", seen=2)
    assert Token("a") != Token("b")
    assert Token("a") != Longer("a")
    assert Token("a") != "a"
    assert Nothing() == Nothing()


def test_equal_values_are_one_in_a_set():
    assert len({Named(path="/"), Named(path="/"), Named(path="/x")}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Token("a"))  # it holds a list


def test_what_is_not_to_be_shown_is_not():
    assert repr(Token("a", "secret")) == "Token(name='a', tags=[], seen=0)"
    assert repr(Nothing()) == "Nothing()"


def test_what_a_class_says_itself_counts():
    assert repr(Loud("a")) == "A"


def test_it_matches_by_place_and_by_name():
    match Token("a", "b"):
        case Token(name, "b", seen=0):
            assert name == "a"
        case _:
            pytest.fail("it does not match")


def test_a_usual_frozen_dataclass_may_inherit_from_one_and_another_may_not():
    @dataclass(frozen=True)
    class Mine(Longer):
        mine: str = ""

    assert Mine("a", mine="b").mine == "b"
    with pytest.raises(FrozenInstanceError):
        Mine("a").name = "b"  # type: ignore[misc]
    with pytest.raises(TypeError, match="cannot inherit non-frozen"):
        dataclass(type("Changing", (Longer,), {}))


def test_to_dataclasses_it_is_one():
    token = Token("a", tags=["x"])
    assert is_dataclass(Token)
    assert [each.name for each in fields(token)] == ["name", "value", "tags", "seen"]
    assert asdict(token) == {"name": "a", "value": "", "tags": ["x"], "seen": 0}
    assert replace(token, name="b") == Token("b", tags=["x"])


@pytest.mark.parametrize("value", [Token("a", "b", ["c"], seen=4), Nothing()])
def test_it_is_copied_and_pickled(value):
    for other in (copy.copy(value), pickle.loads(pickle.dumps(value))):
        assert asdict(other) == asdict(value)


def test_help_says_how_it_is_made():
    ours, usual = inspect.signature(Token), inspect.signature(Usual)
    assert [*ours.parameters] == [*usual.parameters]
    for name, said in usual.parameters.items():
        assert ours.parameters[name].kind == said.kind
        assert ours.parameters[name].annotation == said.annotation
    assert ours.parameters["name"].default is inspect.Parameter.empty
    assert ours.parameters["value"].default == ""


def test_pydantic_makes_and_checks_one():
    validate = TypeAdapter(Token).validate_python
    assert validate({"name": "a", "tags": ["b"]}) == Token("a", tags=["b"])
    with pytest.raises(ValidationError, match="name"):
        validate({"name": 7})
