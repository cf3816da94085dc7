"""What a command does not import: nothing else makes one slower to start.

The installed command says itself what it imports (``PYTHONPROFILEIMPORTTIME``).
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.e2e import support
from tests.support.valkey import Valkey

FOREIGN = {
    *("aiohttp", "apprise", "asyncio", "cryptography.hazmat", "httpx", "jmespath"),
    *("jwt", "keyring", "mcp", "prometheus_client", "pydantic", "redis", "rich"),
    "sqlite3",
    *("tomllib", "websockets"),
}
"""What takes longer than all of a small command."""
OURS = {
    "notifyws.auth.http_api",
    "notifyws.ui.terminal_session",
    "notifyws.ui.key_bindings",
    "notifyws.delivery.outbox_records",
    "notifyws.protocol.profile",
    "notifyws.delivery.routing",
    "notifyws.delivery.sender",
    "notifyws.delivery.timed_worker",
    "notifyws.service",
    "notifyws.ui.cards",
    "notifyws.ui.scroll",
    "notifyws.ui.footer",
    "notifyws.ui.live",
}
"""The same for modules of ours."""
HEAVY = FOREIGN | OURS
SAYING = {"PYTHONPROFILEIMPORTTIME": "1"}


class Warm(support.Home):
    """A home with a server and a token cached."""

    server: support.Server


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    home = Warm(tmp_path_factory.mktemp("warm"))
    home.server = support.Server()
    home.use(home.server)
    assert home.run("token").returncode == 0
    yield home
    home.leave()
    home.server.stop()


def imported(said: str) -> set[str]:
    """Return the modules that a command says it has imported."""
    lines = (line for line in said.splitlines() if line.startswith("import time:"))
    names = {line.rpartition("|")[2].strip() for line in lines}
    assert "notifyws.cli.app" in names
    return names


def test_help_imports_only_what_draws_it(warm):
    assert imported(warm.run("--help", env=SAYING).stderr) & HEAVY == {"rich"}


def test_what_a_newcomer_is_told_imports_neither_a_network_nor_a_loop(warm):
    names = imported(warm.run(env=SAYING).stderr)
    assert names & HEAVY <= {"sqlite3", "tomllib"}  # there may be a token, or none


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("notifyws listen --f", set()),
        ("notifyws listen --type t", {"tomllib"}),  # a profile names types
    ],
)
def test_a_tab_imports_only_what_it_reads_files_with(warm, line, needed):
    asked = {
        "COMP_WORDS": line.replace(" ", "\n"),
        "COMP_CWORD": str(line.count(" ")),
        "_NOTIFYWS_COMPLETE": "complete_bash",
    }
    tab = warm.run(env={**SAYING, **asked})
    assert tab.stdout
    assert imported(tab.stderr) & HEAVY == needed


def test_a_token_that_lies_in_a_file_imports_only_what_reads_the_file(warm):
    names = imported(warm.run("token", env=SAYING).stderr)
    assert names & HEAVY == {"sqlite3"}


def test_only_a_setting_that_is_no_text_imports_what_validates_it(warm):
    for setting, needed in (("USER_ID", set()), ("JITTER", {"pydantic"})):
        said = warm.run("token", env={**SAYING, f"NOTIFYWS_{setting}": "1"})
        assert imported(said.stderr) & {"pydantic"} == needed


def test_a_token_that_lies_in_redis_imports_what_asks_redis(warm, clean_valkey: Valkey):
    there = {"REDIS_URL": clean_valkey.url}
    assert warm.run("token", env=there).returncode == 0
    names = imported(warm.run("token", env={**SAYING, **there}).stderr)
    assert names & FOREIGN == {"asyncio", "redis", "tomllib"}


def test_a_listener_into_a_pipe_imports_nothing_that_logs_in_or_draws(warm):
    listener = warm.start("listen", "--json", "-n", "1", **SAYING)
    listener.says("Connected")
    warm.server.notify(1)
    assert listener.wait() == 0
    names = imported(listener.err.text)
    needed = {"asyncio", "sqlite3", "tomllib", "websockets"}
    assert names & FOREIGN == needed
    assert names & OURS == {
        "notifyws.auth.http_api",
        "notifyws.protocol.profile",
        "notifyws.service",
    }


HURRIED = """
import sys
from importlib.abc import MetaPathFinder

class Hurry(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "notifyws.cli.app":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Hurry())
from notifyws.__main__ import main
main()
"""


def test_a_ctrl_c_while_it_starts_ends_it_without_a_word():
    started = [sys.executable, "-c", HURRIED]
    ended = subprocess.run(started, capture_output=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == b""


def test_what_an_extra_brings_along_costs_other_commands_nothing(warm: Warm):
    """Wherever click is installed, httpx imports its own command line."""
    brought = warm.path / "brought"
    brought.mkdir()
    (brought / "click.py").write_text("import os\nos.write(2, b'click is imported')")
    done = warm.run("token", "--refresh", env={"PYTHONPATH": str(brought)})
    assert (done.returncode, done.stderr) == (0, "")


def test_a_listener_that_tries_once_needs_no_more_than_any_other(warm):
    """Seen: 50 ms of pydantic, for a number that nobody had typed."""
    nobody = {"WEBSOCKET_SERVER_URL": "ws://127.0.0.1:1", "NOTIFYWS_TOKEN": "t"}
    tried = warm.run("listen", "--no-reconnect", env={**SAYING, **nobody})
    assert tried.returncode == 5
    names = imported(tried.stderr)
    assert not {"pydantic", "mcp", "apprise", "prometheus_client"} & names
