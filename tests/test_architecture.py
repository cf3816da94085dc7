"""The house stands: rooms, their doors, and arrows that point down.

Import Linter holds the arrows and what is pure (``[tool.importlinter]`` in
``pyproject.toml``, run by ``make check``); here is what it does not know.
"""

import ast
import re
import runpy
from functools import cache
from pathlib import Path

import pytest

import notifyws

pytestmark = pytest.mark.slow  # make check runs them, once and not in each worker

SOURCE = Path(notifyws.__file__).parent
PURE_MODULES = Path(__file__).parent.parent / "scripts" / "pure.py"


@cache
def trees():
    """Module -> its tree, the name without its ``notifyws.``; read once, when asked."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = [*path.relative_to(SOURCE).parts[:-1], path.stem]
        name = ".".join(part for part in parts if part != "__init__")
        found[name or "notifyws"] = ast.parse(path.read_text("utf-8"))
    return found


ROOMS = [
    "cli",
    "ui",
    "diagnostics",
    "fleet",
    "delivery",
    "connection",
    "auth",
    "protocol",
    "config",
]
"""From the top down; ``ui`` and ``diagnostics`` stand side by side."""


def door_of(room):
    """The modules of a room that others may import."""
    for node in trees()[room].body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def imports_of_ours(tree):
    """Yield the modules of ours that are imported, without ``notifyws.``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "notify"
        ):
            base = node.module.partition(".")[2]
            for alias in node.names:
                full = f"{base}.{alias.name}".strip(".")
                yield full if full in trees() else base


@cache
def visits():
    """Pairs of a module and what it imports of another room."""
    return [
        (name, other)
        for name, tree in trees().items()
        for other in sorted(set(imports_of_ours(tree)))
        if other.partition(".")[0] in ROOMS
        and name.partition(".")[0] != other.partition(".")[0]
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_names_what_others_import_and_no_more(room):
    entered = [other.partition(".")[::2] for _, other in visits()]
    used = {inside.partition(".")[0] for where, inside in entered if where == room}
    assert sorted(door_of(room)) == door_of(room)
    assert set(door_of(room)) == used | ({"app"} if room == "cli" else set())
    law = ast.get_docstring(trees()[room]) or ""
    assert [name for name in door_of(room) if name not in law] == []


def test_arrows_point_down():
    floor = {room: number for number, room in enumerate(ROOMS)}
    up = [
        f"{name} imports {other}"
        for name, other in visits()
        if floor.get(name.partition(".")[0], -1) > floor[other.partition(".")[0]]
        and name not in ("notifyws", "service", "__main__")
    ]
    assert up == []


def test_every_module_says_what_it_is():
    assert [n for n, tree in trees().items() if not ast.get_docstring(tree)] == []


UNDOCUMENTED = {
    *("parser_exc", "send_context", "process_event", "close_exc", "close_rcvd"),
    *("close_sent", "connection_lost_waiter", "max_queue_high"),
}
"""What ``websockets`` has and does not promise, or what does as well without it."""


def private_names(tree):
    """Yield what a module takes of others that these keep to themselves."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in UNDOCUMENTED:
            yield node.attr
        elif isinstance(node, ast.Import | ast.ImportFrom):
            base = getattr(node, "module", "") or ""
            within = isinstance(node, ast.ImportFrom) and node.level
            for alias in node.names:
                whole = f"{base}.{alias.name}".strip(".").split(".")
                if not within and whole[0] not in ("notifyws", "__future__"):
                    yield from (part for part in whole if part.startswith("_"))


def test_nothing_that_a_library_keeps_to_itself_is_used():
    found = {name: sorted(private_names(tree)) for name, tree in trees().items()}
    assert [n for n, names in found.items() if names] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from typer._click import Command", ["_click"]),
        ("from typer import _completion_shared as c", ["_completion_shared"]),
        ("import typer._click", ["_click"]),
        ("self._protocol.close_exc", ["close_exc"]),
        ("from notifyws.view import _x\nfrom . import _y\nself._z", []),
    ],
)
def test_no_private_name_is_overlooked(source, names):
    assert list(private_names(ast.parse(source))) == names


def test_the_public_names_are_sorted_and_can_be_imported():
    assert notifyws.__all__ == sorted(notifyws.__all__)
    for name in notifyws.__all__:
        assert getattr(notifyws, name).__name__ == name


def test_the_front_door_has_no_other_names():
    with pytest.raises(AttributeError, match="has no attribute 'nonesuch'"):
        notifyws.nonesuch  # noqa: B018 - asking is the test


AWAITED = {
    "auth.cache.redis_cluster": "the first node is awaited, the rest cancelled",
    "auth.cache.redis_servers": "the first sentinel is awaited, the rest cancelled",
    "auth.token_lock": "an exchange that is awaited while its lock is held",
    "cli.send_lines": "results are awaited one by one, in their order",
    "cli.send_message": "the answer and the sending are awaited side by side",
    "cli.servers": "the end of each is awaited, and said",
    "delivery.outbox": "a group of writes is shielded from its writer, and awaited",
    "diagnostics.connection_probe": "the connection and its use are awaited together",
    "fleet.active_listener": "whoever waits for the end (closed) gets its error",
}
"""Who starts a task beside ``tasks``, and who hears of its failure."""


def test_every_background_task_is_watched():
    starts = ("create_task", "ensure_future", "run_coroutine_threadsafe")
    found = set()
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                group = isinstance(node.func.value, ast.Name)
                group &= getattr(node.func.value, "id", "") == "group"  # of TaskGroup
                if node.func.attr in starts and not group:
                    found.add(name)
    assert found == {"tasks", *AWAITED}


PURE = r"[;,] pure\b"
"""How a module says in its first sentence that it knows no I/O, clock or dice."""


def test_whoever_says_that_it_is_pure_is_held_to_it():
    said = {n for n, tree in trees().items() if re.search(PURE, opening(tree))}
    modules = runpy.run_path(str(PURE_MODULES))["pure_modules"]()
    held = [each.removeprefix("notifyws.") for each in modules]
    assert [n for n in said if not any(f"{n}.".startswith(f"{h}.") for h in held)] == []


def opening(tree):
    """The first paragraph of a module's docstring."""
    return (ast.get_docstring(tree) or "").partition("\n\n")[0]


MODULE, FUNCTION = 300, 40
"""Lines of a module, and of a function below its signature and its docstring."""


def length_of(function):
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        first = function.body[1] if function.body[1:] else first
    return function.end_lineno - first.lineno + 1


def test_nothing_is_longer_than_can_be_read_at_once():
    assert [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if len(path.read_text("utf-8").splitlines()) > MODULE
    ] == []
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    assert [
        f"{name}.{node.name}"
        for name, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, functions) and length_of(node) > FUNCTION
    ] == []
