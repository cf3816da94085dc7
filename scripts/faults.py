"""Lists the faults that were tried, by the tests that answer them: docs/faults.md."""

from __future__ import annotations

import ast
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FAULTS_HEAD = """\
# Faults that were tried

Made from the tests by `make generate`: each line is one of them.
[Reliability](reliability.md) says what is promised.

## The catalogue
"""
GROUPS_HEAD = """
## In a group

The listeners of a group ([a fleet](fleet.md)) are tried as processes, with a real
Valkey, sentinels and a cluster, and a server that counts: every notification is handled
at least once or lies in a gap that is said, hardly any twice, only around the fault.
"""
FIELD_HEAD = """
## Learnt from the field

What servers, proxies, Redis and other people's environments really do, from their
sources and from public reports (each test names its own).
"""


def page() -> str:
    """Return every fault and the tests that answer it, for the documentation."""
    parts = FAULTS_HEAD, *faults(), GROUPS_HEAD, *in_a_group(), FIELD_HEAD, *learnt()
    return "\n".join(parts) + "\n"


def faults() -> Iterator[str]:
    """Yield the catalogue of faults: number, fault, and the tests that answer it."""
    catalogue = runpy.run_path(str(ROOT / "tests/support/catalogue.py"))["FAULTS"]
    sentences: dict[int, list[str]] = {number: [] for number in catalogue}
    for path in sorted((ROOT / "tests/faults").glob("test_*.py")):
        for test in tests_of(path):
            for number in numbers_of(test):
                sentences[number].append(sentence_of(test))
    for number, fault in catalogue.items():
        yield f"\n**{number}. {fault}**\n"
        yield from (f"- {sentence}" for sentence in sentences[number])


def learnt() -> Iterator[str]:
    """Yield what the field taught: of each file its subject, and its tests."""
    for path in sorted((ROOT / "tests/field").glob("test_*.py")):
        subject = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split()
        name = path.relative_to(ROOT)
        yield f"\n**{' '.join(subject)}** ([{path.name}](../{name}))\n"
        yield from (f"- {sentence_of(test)}" for test in tests_of(path))


def in_a_group() -> Iterator[str]:
    """Yield what must not break a group: the tests of its faults."""
    for path in sorted((ROOT / "tests/fleet").glob("test_*faults.py")):
        yield from (f"- {sentence_of(test)}" for test in tests_of(path))


def tests_of(path: Path) -> Iterator[Any]:
    """Yield the tests of a file, in their order."""
    for node in ast.parse(path.read_text("utf-8")).body:
        function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if function and node.name.startswith("test_"):
            yield node


def sentence_of(test: Any) -> str:
    """Return a test's name as the sentence that it is."""
    return str(test.name).removeprefix("test_").replace("_", " ")


def numbers_of(test: Any) -> Iterator[int]:
    """Yield the faults that a test says it answers."""
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
            yield from map(ast.literal_eval, mark.args)
