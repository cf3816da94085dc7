"""JMESPath: of profiles (bounded, and never an exception), and of users' options.

Nobody else imports ``jmespath``. A user's own expression may be as long as it is; a
profile may be a stranger's, and an expression can repeat what it looks at
(``[@,@]|[@,@]|...`` doubles at each step), so that a short one could fill the memory.
How often it can is read from the expression itself, before it is ever used: what is
done with each part of a result multiplies, and a condition is such a thing as well. A
text can grow, too: ``to_string`` escapes what was escaped before, and ``join`` puts its
glue between all items. Nothing else in JMESPath can run for long, because it only ever
descends (where each item of a frame looks at all of that frame, ``field_mapping`` has
a limit). What is worked out for a profile can be written as JSON again: a number that
cannot (``to_number('nan')``, a sum beyond 1e308) is null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from itertools import chain
from math import isfinite, prod
from typing import Any

from notifyws.errors import UsageError
from notifyws.models import strict_json

UNFIT = (ValueError, TypeError, OverflowError, RecursionError)
"""What comes of an expression that cannot be worked out; JMESPath's own errors are
ValueErrors, and it lets more out."""
LONGEST = 2_000
"""Characters of an expression."""
DEEPEST = 40
"""Levels of its tree."""
MOST_COPIES = 64
"""Times it may repeat what it looks at: a megabyte of ``{}`` takes 8 s then."""
ESCAPED = 4
"""Times that a text counts which ``to_string`` writes: an escape may become two."""
MOST_BITS = 14_000
"""Of a whole number: Python writes and reads those of 4,300 digits."""

TOO_DEEP = "it is nested too deeply"
PREFIX = r"^(Invalid|Bad) jmespath expression: "

Search = Callable[[Any], Any]
_REPEATING = ("multi_select_list", "multi_select_dict", "function_expression")
_WALKING = (
    *("projection", "value_projection", "filter_projection", "flatten"),
    "function_expression",
)
_CHOOSING = ("comparator", "or_expression", "and_expression")


class BadExpression(ValueError):
    """It is no JMESPath expression, or none that is safe to use.

    Args:
        offset: characters before the place, where it is known.
    """

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def compiled(
    expression: str, failed: Callable[[str], object] = lambda reason: None
) -> Search:
    """Return a search that gives ``None`` where the expression cannot be worked out.

    Args:
        failed: is told why it could not, as where a function takes no null.

    Raises:
        BadExpression: it cannot be used.
    """
    parsed, options = _bounded(expression), _options()

    def search(value: Any) -> Any:
        try:
            return parsed.search(value, options)
        except UNFIT as error:
            failed(first_line(error))
            return None

    return search


def of_option(expression: str, option: str, example: str) -> Search:
    """Return a search that raises one of :data:`UNFIT` where it cannot be worked out.

    Args:
        example: a hint for one that cannot be used.

    Raises:
        UsageError: it does not parse, is too deep, or calls a function that does not
            exist.
    """
    try:
        search: Search = _parsed(expression).search
    except BadExpression as error:
        message = f"{option} is not a JMESPath expression: {error.reason}"
        raise UsageError(message, example) from None
    return search


def bare_word(expression: str) -> str | None:
    """Return a word that an expression compares with and that is a field, unquoted.

    ``type == trip_update`` compares two fields of the notification, which nobody means.

    Raises:
        BadExpression: it does not parse.
    """
    nodes = _nodes(_parsed(expression).parsed)
    compared = (_children(node)[1] for node in nodes if node["type"] == "comparator")
    words = (str(node["value"]) for node in compared if node["type"] == "field")
    return next(words, None)


def later(expression: str) -> Search:
    """Return the same as :func:`compiled`, compiled when it is first used.

    For what is seldom used, and was tried when its profile was read.
    """
    made = cache(partial(compiled, expression))
    return lambda value: made()(value)  # noqa: PLW0108 - made when first used


def names(expression: str) -> frozenset[str]:
    """Return the names of all fields that an expression mentions."""
    return frozenset(_fields(_bounded(expression).parsed))


def walks(expression: str, around: frozenset[str]) -> bool:
    """Return whether it looks through all of what one of some names stands for.

    Where it only picks fields of that, its cost does not grow with the whole.
    """
    nodes = _nodes(_bounded(expression).parsed)
    walking = (node for node in nodes if node["type"] in _WALKING)
    return any(not around.isdisjoint(_fields(node)) for node in walking)


def finder(place: str) -> Callable[[Any, Mapping[str, str], Mapping[str, str]], Any]:
    """Return what finds a value in an HTTP answer: body, header or cookie.

    Args:
        place: a JMESPath expression over the body, ``header:NAME`` or ``cookie:NAME``.

    Returns:
        A function of body, headers (lower-case names) and cookies.
    """
    kind, _, name = place.partition(":")
    if kind in ("header", "cookie") and {*"{}"} & {*name}:
        raise BadExpression(f"the name of a {kind} holds no variable")
    if kind == "header" and name:
        return lambda body, headers, cookies: headers.get(name.lower())
    if kind == "cookie" and name:
        return lambda body, headers, cookies: cookies.get(name)
    search = compiled(place)
    return lambda body, headers, cookies: search(body)


def truthy(value: Any) -> bool:
    """Return whether JMESPath counts a value as true: zero is, emptiness is not."""
    return value is not None and value is not False and value not in ("", [], {})


def holds(condition: str | None, value: Any) -> bool:
    """Return whether a condition of a profile is true; one that is not set is."""
    return condition is None or truthy(compiled(condition)(value))


def first_line(error: Exception) -> str:
    """Return the first line of an error's words, or its name where it has none."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _bounded(expression: str) -> Any:
    if len(expression) > LONGEST:
        raise BadExpression(f"longer than {LONGEST} characters")
    parsed = _parsed(expression)
    if sum(1 for _ in _levels(parsed.parsed)) > DEEPEST:
        raise BadExpression(TOO_DEEP)
    if _copies(parsed.parsed) > MOST_COPIES:
        raise BadExpression(f"repeats its input more than {MOST_COPIES} times")
    return parsed


@cache
def _options() -> Any:
    from jmespath import Options
    from jmespath.functions import Functions

    class StrictFunctions(Functions):
        def call_function(self, name: str, arguments: Iterable[Any]) -> Any:
            found = super().call_function(name, arguments)
            return found if _is_sayable(found) else None

    return Options(custom_functions=StrictFunctions())


def _is_sayable(value: Any) -> bool:
    """Return whether JSON can say a number; anything else that is given is fine."""
    if isinstance(value, float):
        return isfinite(value)
    return not isinstance(value, int) or value.bit_length() <= MOST_BITS


def _parsed(expression: str) -> Any:
    import jmespath  # 2 ms that a profile without expressions does not cost
    from jmespath.exceptions import JMESPathError

    try:
        parsed = jmespath.compile(expression)
        _check(parsed.parsed, expression)
    except RecursionError:
        raise BadExpression(TOO_DEEP) from None
    except JMESPathError as error:
        offset = getattr(error, "lex_position", 0) or 0
        reason = re.sub(PREFIX, "", first_line(error).rstrip(":"))
        raise BadExpression(reason, min(offset, len(expression))) from None
    except BadExpression:
        raise
    except ValueError:
        raise BadExpression("it holds a number that is too long") from None
    return parsed


def _children(node: Any) -> list[Any]:
    return [child for child in node["children"] if isinstance(child, dict)]


def _levels(node: Any) -> Iterator[list[Any]]:
    """Yield a node, then those below it, level by level."""
    level = [node]
    while level:
        yield level
        level = [child for each in level for child in _children(each)]


def _nodes(node: Any) -> Iterable[Any]:
    return chain.from_iterable(_levels(node))


def _copies(node: Any) -> int:
    """Return how often it may repeat, and look at, what it is given.

    What is not known to be less counts as applied to each part of what stands beside.
    """
    children = _children(node)
    below = [_copies(child) for child in children]
    if node["type"] in _CHOOSING:
        return max(below)
    applies = any(child["type"] == "expref" for child in children)
    if node["type"] in _REPEATING and not applies:
        return max(1, sum(below)) * _growth(node)
    return prod(below)


def _growth(node: Any) -> int:
    """Return how much longer a text a function may make of its arguments."""
    if node.get("value") == "to_string":
        return ESCAPED
    if node.get("value") != "join" or not node["children"]:
        return 1
    glue = node["children"][0]
    if glue["type"] != "literal":
        raise BadExpression("what join() puts between must be a text in quotes")
    return max(1, len(str(glue["value"])))


def _fields(node: Any) -> set[str]:
    return {each["value"] for each in _nodes(node) if each["type"] == "field"}


def _check(node: Any, expression: str, *, argument: bool = False) -> None:
    from jmespath.functions import Functions

    if node["type"] == "literal":
        try:
            strict_json(node["value"])
        except ValueError:
            raise BadExpression("it holds a number that JSON cannot say") from None
    called = node.get("value") if node["type"] == "function_expression" else None
    if called is not None and called not in Functions.FUNCTION_TABLE:
        offset = max(expression.find(f"{called}("), 0)
        raise BadExpression(f"there is no function {called}()", offset)
    if node["type"] == "expref" and not argument:
        offset = expression.find("&")
        raise BadExpression("& stands only before what a function takes", offset)
    for child in _children(node):
        _check(child, expression, argument=called is not None)
