"""Every error names something to try, and nothing that was done already."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import notifyws
from notifyws import errors
from notifyws.cli.hints import fitting, too_late
from notifyws.delivery.filters import Selection
from notifyws.errors import command
from notifyws.models import Notification
from notifyws.protocol.loader import read_profile
from notifyws.protocol.profile import given_variables

SOURCE = Path(notifyws.__file__).parent
OWN_WORDS = {"ConnectionLost", "TokenRefused", "DeliveryFailed"}
"""Those that make a hint of their own, or are never shown to a user."""
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.NotifyError)
} - OWN_WORDS


def trees(*words: str) -> Iterator[ast.AST]:
    """Yield our sources that hold any of these words."""
    texts = (path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    return (ast.parse(each) for each in texts if any(word in each for word in words))


def hintless(tree: ast.AST) -> list[str]:
    """Return the errors that are made without a hint, or with an empty one."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name not in KINDS:
            continue
        given = [each.value for each in node.keywords if each.arg == "hint"]
        hint = next(iter([*node.args[1:2], *given]), None)
        starred = any(isinstance(each, ast.Starred) for each in node.args)
        empty = hint is None or ast.unparse(hint) in ("''", "str()")
        if empty and not starred:
            found.append(ast.unparse(node))
    return found


def test_no_error_is_made_without_a_hint():
    assert [error for tree in trees(*KINDS) for error in hintless(tree)] == []


@pytest.mark.parametrize(
    "code",
    ["UsageError('x')", "errors.NetworkFailed('x', '')", "HttpRefused(x, status=3)"],
)
def test_no_hintless_error_is_overlooked(code):
    assert hintless(ast.parse(code)) != []


def admitting(*titles: str, **wanted) -> Selection:
    selection = Selection(**wanted)
    for title in titles:
        selection.admit(Notification({"type": "t", "title": title}, "now"))
    return selection


@pytest.mark.parametrize(
    ("selection", "received", "connected", "said", "hint"),
    [
        (admitting(), 0, False, "no connection", "notifyws status --check"),
        (admitting(), 0, True, "0 notifications came", "notifyws send -m hello"),
        (admitting("a", count=3), 1, True, "1 of 3 notifications", "--count"),
        (admitting("a"), 1, True, "1 notification came", "--count N or --until EXPR"),
        (admitting("a", until="title == 'b'"), 1, True, "none made --until", "--until"),
        (admitting("a", count=1), 1, True, "not all handed on", "more time"),
        (admitting("a", "b", filter="title == 'b'"), 2, True, "1 of 2", "--filter"),
    ],
)
def test_when_the_time_is_over_the_hint_says_what_would_have_helped(
    selection, received, connected, said, hint
):
    error = too_late(selection, 2.5, received, connected)
    assert error.message.startswith("2.5 s are over; ")
    assert said in error.message
    assert hint in error.hint
    assert "wait longer" not in error.hint


@pytest.mark.parametrize(
    ("hint", "typed", "shown"),
    [
        ("notifyws status --check", "status --check", "notifyws listen -v"),
        ("notifyws token --refresh", "token --refresh", "notifyws status --check"),
        ("notifyws auth login", "auth login --url wss://h", "status --check --url"),
        ("notifyws listen -v", "listen -v", "notifyws status --check"),
        ("notifyws auth login", "auth logout", "notifyws auth login"),
        ("try it, then: notifyws auth login", "auth login", "try it, then: notifyws"),
    ],
)
def test_a_command_that_was_just_typed_is_no_hint(hint, typed, shown):
    assert shown in fitting(hint, typed.split())


@pytest.mark.parametrize(
    ("given", "hint"),
    [("", 'set NOTIFYWS_VARIABLES="app_key=..."'), ("app_key=x", "add channel=... to")],
)
def test_a_variable_that_is_missing_is_added_to_those_that_are_there(given, hint):
    with pytest.raises(errors.ConfigurationError) as caught:
        given_variables(read_profile("pusher"), given)
    assert caught.value.hint.startswith(hint)


def unquoted(tree: ast.AST) -> Iterator[str]:
    """Yield texts that name a command of ours and put a word into it as it is."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        begun = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                begun += str(part.value)
            elif re.search(r"\bnotifyws( -*[\w-]+)+ ?$", begun):
                called = getattr(part.value, "func", None)
                if getattr(called, "id", "") != "quote":
                    yield ast.unparse(node)
                begun += "x"


def test_no_command_to_paste_holds_a_word_that_a_shell_could_obey():
    assert [text for tree in trees("notifyws ") for text in unquoted(tree)] == []
    assert list(unquoted(ast.parse("f'try: notifyws listen --group {name}'")))
    assert not list(unquoted(ast.parse("f'cannot find {name}: {command(x)}'")))


def test_a_command_is_quoted_word_by_word():
    said = command("listen", "--group", "x;touch${IFS}y", "--url", "wss://h")
    assert said == "notifyws listen --group 'x;touch${IFS}y' --url wss://h"
