"""The house stands: arrows between modules point down, and never in a circle.

Imports are read from the source, those inside functions and those made only for the
annotations too. Importing a submodule counts as that.
"""

import ast
import sys
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import notifyws

SOURCE = Path(notifyws.__file__).parent
FLOORS = [
    (5, "the face", "__main__ cli cli.*"),
    (
        4,
        "assembly",
        "notifyws service runtime handing replaying load diagnosis patient report "
        "trial view view.*",
    ),
    (
        3,
        "use cases",
        "session outcome link responder renewal speech catching_up intake gaps telling "
        "delivery tokens refreshing token_lock sending checks handlers dispatch "
        "courier outbox durable cursors heartbeat",
    ),
    (
        2,
        "adapters",
        "api channel probe machine browser systemd logins private profile_files "
        "queue_file queue_rows sqlite_files sinks sinks.* cache.* passwords "
        "server_entries text_files websocket reaching proxies",
    ),
    (
        1,
        "decisions",
        "reconnect backoff coerce dotenv_guard config_text urls selection shaping "
        "since codec composing held listeners keeping troubles troubles.* protocol "
        "protocol.*",
    ),
    (
        0,
        "words",
        "version values patterns errors models events settings world tasks samples "
        "cache",
    ),
]
FLAT = "devserver devserver.*"
WORLDLY = (
    "asyncio time random os socket ssl select subprocess threading sqlite3 "
    "httpx websockets redis rich typer platformdirs"
)


def modules():
    """Name -> tree, the name without its ``notifyws.``."""
    trees = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = [*path.relative_to(SOURCE).parts[:-1], path.stem]
        name = ".".join(part for part in parts if part != "__init__")
        trees[name or "notifyws"] = ast.parse(path.read_text("utf-8"))
    return trees


def package_of(name, trees):
    """The package whose relative imports a module speaks in."""
    if name == "notifyws":
        return []
    inside = any(other.startswith(f"{name}.") for other in trees)
    return name.split(".") if inside else name.split(".")[:-1]


def imported(name, trees):
    """Yield every module that a module imports: ours without ``notifyws.``."""
    for node in ast.walk(trees[name]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _ours_or_theirs(alias.name, None, trees)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = ["notifyws", *package_of(name, trees)]
                base = ".".join([*package[: len(package) - node.level + 1], base])
            for alias in node.names:
                yield from _ours_or_theirs(base.rstrip("."), alias.name, trees)


def _ours_or_theirs(base, name, trees):
    top, _, inner = base.partition(".")
    if top != "notifyws":
        yield base
        return
    below = f"{inner}.{name}" if inner else name
    if below in trees:
        yield below
    else:
        yield inner or "notifyws"


def matches(name, patterns):
    return any(fnmatchcase(name, pattern) for pattern in patterns.split())


def floors_of(name):
    return [number for number, _, names in FLOORS if matches(name, names)]


def floor_of(name):
    return floors_of(name)[0]


def words(mark):
    return set(mark.rstrip(")").replace("(", ", ").split(", "))


def is_frozen(mark):
    """Whether a decorator makes what is frozen and slotted."""
    return "frozen" in words(mark) or {"frozen=True", "slots=True"} <= words(mark)


def folder_of(name):
    return name.split(".")[0]


TREES = modules()
OURS = {
    name: {other for other in imported(name, TREES) if other in TREES} for name in TREES
}
HOUSE = [name for name in TREES if not matches(name, FLAT)]
ARROWS = [(name, other) for name in HOUSE for other in sorted(OURS[name])]


def wrong(arrows, *, when):
    return [f"{name} imports {other}" for name, other in arrows if when(name, other)]


def test_every_module_stands_on_one_floor():
    strays = {name: floors_of(name) for name in HOUSE if len(floors_of(name)) != 1}
    assert strays == {}


def test_the_table_names_no_module_that_is_not_there():
    patterns = [p for _, _, names in FLOORS for p in names.split()]
    assert [p for p in patterns if not any(matches(name, p) for name in TREES)] == []


def test_no_arrow_points_up():
    arrows = [arrow for arrow in ARROWS if not matches(arrow[1], FLAT)]
    assert wrong(arrows, when=lambda a, b: floor_of(a) < floor_of(b)) == []


def test_no_arrow_goes_in_a_circle():
    try:
        TopologicalSorter(OURS).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_use_cases_never_import_adapters():
    above = [arrow for arrow in ARROWS if floor_of(arrow[0]) == 3]
    assert wrong(above, when=lambda a, b: floors_of(b) == [2]) == []


def test_the_machine_knows_verdicts_delays_and_nothing_else_of_ours():
    assert OURS["reconnect"] == {"backoff", "protocol.verdicts", "values"}


def test_no_decision_knows_the_machine():
    users = [name for name in OURS if "reconnect" in OURS[name] and floor_of(name) <= 1]
    assert users == []


def test_the_view_knows_words_and_itself():
    views = [arrow for arrow in ARROWS if folder_of(arrow[0]) == "view"]
    assert views
    strange = wrong(
        views, when=lambda a, b: floors_of(b) != [0] and folder_of(b) != "view"
    )
    assert strange == []


def test_the_development_server_knows_words_and_itself():
    server = [(a, b) for a in OURS for b in OURS[a] if matches(a, FLAT)]
    assert server
    strange = wrong(
        server, when=lambda a, b: not matches(b, FLAT) and floors_of(b) != [0]
    )
    assert strange == []


def test_only_the_command_line_knows_the_development_server():
    visitors = [arrow for arrow in ARROWS if matches(arrow[1], FLAT)]
    assert wrong(visitors, when=lambda a, b: folder_of(a) != "cli") == []


def test_words_and_decisions_know_nothing_of_the_world():
    low = [name for name in HOUSE if floor_of(name) <= 1 and name != "tasks"]
    arrows = [(name, other) for name in low for other in imported(name, TREES)]
    assert wrong(arrows, when=lambda a, b: matches(folder_of(b), WORLDLY)) == []


def test_every_module_says_what_it_is():
    assert [n for n, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_words_and_decisions_are_frozen_and_slotted():
    low = [name for name in HOUSE if floor_of(name) <= 1 and name != "tasks"]
    marks = [
        (name, mark)
        for name in low
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.ClassDef)
        for mark in map(ast.unparse, node.decorator_list)
        if mark.startswith(("dataclass", "frozen"))
    ]
    assert marks
    loose = [m for m in marks if not is_frozen(m[1])]
    assert loose == []


UNDOCUMENTED = {
    *("parser_exc", "send_context", "process_event", "close_exc", "close_rcvd"),
    *("close_sent", "connection_lost_waiter", "max_queue_high"),
}
"""What ``websockets`` has and does not promise, or what does as well without it."""
PRIVATE_YET = {"cli", "cli.mounting", "cli.shells"}
"""Modules on private parts of typer, until they are not."""


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
    found = {name: sorted(private_names(tree)) for name, tree in TREES.items()}
    assert [n for n, names in found.items() if names and n not in PRIVATE_YET] == []


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


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os.path, notifyws.errors", {"os.path", "errors"}),
        ("from notifyws.errors import NotifyError", {"errors"}),
        ("from notifyws import errors, Message", {"errors", "notifyws"}),
        ("from notifyws import Message", {"notifyws"}),
        ("from notifyws.cache import redis, Entry", {"cache", "cache.redis"}),
        ("from . import Entry, memory", {"cache", "cache.memory"}),
        ("from .memory import MemoryCache", {"cache.memory"}),
        ("from ..errors import CacheFailed", {"errors"}),
        ("from .. import errors", {"errors"}),
        ("def f():\n    import ssl", {"ssl"}),
        ("if TYPE_CHECKING:\n    from notifyws.link import Link", {"link"}),
    ],
)
def test_no_import_is_overlooked(source, found):
    trees = {**TREES, "cache.new": ast.parse(source)}
    assert set(imported("cache.new", trees)) == found


def test_the_banned_modules_are_spelt_right():
    known = {*sys.stdlib_module_names, *packages_distributions()}
    assert set(WORLDLY.split()) <= known


AWAITED = {
    "token_lock": "an exchange that is awaited while its lock is held",
    "cli.batching": "results are awaited one by one, in their order",
    "cli.waiting": "the answer, the end and the sending are awaited side by side",
    "outbox": "a group of writes is shielded from who cancels its writer, and awaited",
    "patient": "the connection is awaited, or its error",
    "service": "whoever waits for the end (closed) gets its error",
    "session": "an order of the machine is awaited, or the wish to end",
    "trial": "the connection and what it is opened for are awaited side by side",
}
"""Who starts a task beside ``tasks``, and who hears of its failure."""


def test_every_background_task_is_watched():
    starts = ("create_task", "ensure_future", "run_coroutine_threadsafe")
    found = set()
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                group = isinstance(node.func.value, ast.Name)
                group &= getattr(node.func.value, "id", "") == "group"  # of TaskGroup
                if node.func.attr in starts and not group:
                    found.add(name)
    assert found == {"tasks", *AWAITED}
