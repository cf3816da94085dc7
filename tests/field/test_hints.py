"""Every error names something to try, and nothing that was done already."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import notifyws
from notifyws import errors

SOURCE = Path(notifyws.__file__).parent
OWN_WORDS = {"ConnectionLost", "TokenRefused", "DeliveryFailed"}
"""Those that make a hint of their own, or are never shown to a user."""
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.NotifyError)
} - OWN_WORDS


def hintless(tree: ast.AST) -> list[str]:
    """Return the errors that are made without a hint, or with an empty one."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        given = [each.value for each in node.keywords if each.arg == "hint"]
        hint = next(iter([*node.args[1:2], *given]), None)
        starred = any(isinstance(each, ast.Starred) for each in node.args)
        empty = hint is None or ast.unparse(hint) in ("''", "str()")
        if name in KINDS and empty and not starred:
            found.append(ast.unparse(node))
    return found


def test_no_error_is_made_without_a_hint():
    trees = (ast.parse(path.read_text("utf-8")) for path in SOURCE.rglob("*.py"))
    assert [error for tree in trees for error in hintless(tree)] == []


@pytest.mark.parametrize(
    "code",
    ["UsageError('x')", "errors.NetworkFailed('x', '')", "HttpRefused(x, status=3)"],
)
def test_no_hintless_error_is_overlooked(code):
    assert hintless(ast.parse(code)) != []
