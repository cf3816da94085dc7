"""How a value is made: frozen, slotted, equal to another by what it holds.

``frozen`` makes a real dataclass for all who ask: ``dataclasses.replace`` and
``fields``, ``match``, ``copy``, ``pickle``, pydantic. But all values share the methods
below, while ``dataclass(frozen=True)`` writes and compiles them for each class, which
takes half a millisecond; a listener that starts makes some seventy classes.

To make one value takes three times as long in return: 2.5 us. So what is made for
every notification is a ``dataclass(frozen=True, slots=True)`` as usual.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from inspect import Signature

__all__ = ["frozen"]

Kind = TypeVar("Kind")


@overload
def frozen(kind: type[Kind], /) -> type[Kind]: ...
@overload
def frozen(*, kw_only: bool) -> Callable[[type[Kind]], type[Kind]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def frozen(kind: Any = None, /, *, kw_only: bool = False) -> Any:
    """Make a class one of values, where it does not say otherwise itself.

    Args:
        kind: the class, with its fields annotated as for ``dataclass``.
        kw_only: whether fields are given by name only.
    """
    if kind is None:
        return lambda kind: _made(kind, kw_only=kw_only)
    return _made(kind, kw_only=kw_only)


def _made(kind: type[Any], *, kw_only: bool) -> type[Any]:
    for name, method in _METHODS.items():
        if name not in vars(kind):
            setattr(kind, name, method)
    bare = dataclasses.dataclass(
        init=False, repr=False, eq=False, slots=True, kw_only=kw_only
    )
    above = [vars(each).get("__dataclass_params__") for each in kind.__mro__]
    bases = [params for params in above if params is not None]
    for params in bases:  # ``dataclass`` lets nothing else inherit from what is frozen
        params.frozen = False
    made = bare(kind)
    for params in (*bases, made.__dataclass_params__):
        params.frozen = True
    return made


def _init(self: Any, /, *given: Any, **named: Any) -> None:
    places = self.__match_args__
    if len(given) > len(places):
        at_most = f"takes at most {len(places)} values in order"
        raise TypeError(f"{type(self).__name__} {at_most}, not {len(given)}")
    for name, held in zip(places, given, strict=False):
        if name in named:
            raise TypeError(f"{type(self).__name__} is given {name!r} twice")
        named[name] = held
    for each in fields(self):
        name = each.name
        held = named.pop(name) if name in named else _default(self, each)
        object.__setattr__(self, name, held)
    if named:
        raise TypeError(f"{type(self).__name__} has no {', '.join(map(repr, named))}")


def _default(self: Any, field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    raise TypeError(f"{type(self).__name__} is not given {field.name!r}")


def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, f.name) for f in fields(self) if f.compare)


def _eq(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return _compared(self) == _compared(other)


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _setattr(self: Any, name: str, held: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _setstate(self: Any, state: tuple[None, dict[str, Any]]) -> None:
    for name, held in state[1].items():
        object.__setattr__(self, name, held)


class _Signature:
    """How a value is made, for ``help`` and editors: as a dataclass says it."""

    def __get__(self, made: object, kind: type[Any]) -> Signature:
        from inspect import Parameter, Signature

        ordered = sorted(fields(kind), key=lambda field: bool(field.kw_only))
        return Signature([_parameter(each, Parameter) for each in ordered])


def _parameter(field: Field[Any], kind: Any) -> Any:
    default: Any = kind.empty
    if field.default is not MISSING:
        default = field.default
    elif field.default_factory is not MISSING:
        default = field.default_factory
    how = kind.KEYWORD_ONLY if field.kw_only else kind.POSITIONAL_OR_KEYWORD
    return kind(field.name, how, default=default, annotation=field.type)


_METHODS = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__setstate__": _setstate,
    "__signature__": _Signature(),
}
