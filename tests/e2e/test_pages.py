"""Every command block of the README and the docs is run as it stands.

Only names of places are replaced: the server of the examples by a development server,
``me`` by its user. Where a command would listen for ever, a shim ends it.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifyws.cli.app import root_command
from tests.e2e.support import COMMAND, Home, Server, until
from tests.support.target import target

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = {
    name: (ROOT / name).read_text("utf-8")
    for name in (
        *("README.md", "docs/recipes.md", "docs/sending.md", "docs/running.md"),
        *("docs/getting-started.md", "docs/completions.md", "docs/configuration.md"),
    )
}
COUNTED = {
    "README.md": 6,
    "docs/recipes.md": 11,
    "docs/sending.md": 3,
    "docs/getting-started.md": 7,
}
"""Page -> how many blocks of it are for a shell: each is covered by a test here."""
NEWCOMERS = ("docs/getting-started.md", "docs/completions.md")
SHIM = """#!/bin/sh
case "$*" in
  listen|listen\\ --server\\ *) exec {command} "$@" --json -n 1 --timeout 20 ;;
  *) exec {command} "$@" ;;
esac
"""


def needs(program: str) -> pytest.MarkDecorator:
    missing = shutil.which(program) is None
    return pytest.mark.skipif(missing, reason=f"{program} is not installed")


def blocks(page: str, language: str = "sh") -> list[str]:
    return [text for kind, text in FENCE.findall(PAGES[page]) if kind == language]


def block(page: str, words: str, language: str = "sh") -> str:
    """Return the one block of a page that holds some words."""
    (found,) = [text for text in blocks(page, language) if words in text]
    return found


@pytest.fixture(scope="module")
def lively() -> Iterator[Server]:
    """A server where something happens all the time."""
    server = Server(traffic=20)
    yield server
    server.stop()


@pytest.fixture
def unknown(home: Home, lively: Server) -> Iterator[Server]:
    """The same, and nothing is configured for it."""
    shim = home.path / "bin" / "notifyws"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(command=COMMAND))
    shim.chmod(0o755)
    yield lively
    home.leave()


@pytest.fixture
def busy(home: Home, unknown: Server) -> Server:
    home.use(unknown)
    home.env["API_URL"] = f"http://127.0.0.1:{unknown.port}/_dev/stats"
    return unknown


def run(home: Home, text: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a block, which succeeds."""
    path = f"{home.path / 'bin'}:{home.env['PATH']}"
    text = f'set -eo pipefail; PATH="{path}"\n{text}'
    done = home.shell(text, **env)
    assert done.returncode == 0, done.stderr + done.stdout
    return done


def test_every_block_is_covered_by_a_test_here():
    assert {page: len(blocks(page)) for page in COUNTED} == COUNTED
    kinds = {kind for page in COUNTED for kind, _ in FENCE.findall(PAGES[page])}
    assert kinds <= {"sh", "python", "toml", "mermaid", "ini", "text", "console"}


# README.md


def test_the_recipe_for_a_real_server(home, busy):
    logins = busy.stats["logins"]
    text = block("README.md", "export WEBSOCKET_SERVER_URL")
    text = text.replace("wss://ws.example.com", busy.url)
    done = run(home, re.sub(r"USERNAME=me\b", "USERNAME=demo", text))
    assert '"type"' in done.stdout
    assert busy.stats["logins"] == logins + 1


@pytest.mark.parametrize(
    ("words", "out", "err"),
    [
        ("tr a-z A-Z", "", '("TYPE":.*){2}'),
        ("notifyws profile list", "mattermost", "Wrote"),
        ("send --lines", '("status":"delivered".*){3}"logins"', ""),
    ],
)
def test_the_recipes(home, busy, words, out, err):
    done = run(home, block("README.md", words))
    assert re.search(out, done.stdout, re.DOTALL)
    assert re.search(err, done.stderr, re.DOTALL)


ENDED = """\
        from itertools import count

        numbers = count()
        async for notification in service:
            if next(numbers) == 3:
                break
"""


def test_the_library_example(home, busy):
    code = block("README.md", "NotificationService", "python")
    code = code.replace("        async for notification in service:\n", ENDED)
    done = home.shell(f"{sys.executable} -W error -c {shlex.quote(code)}")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search("Trip|Payment|Message", done.stdout)
    assert "Id':" in done.stdout


def test_the_configuration_example_is_one(home, busy):
    text = block("docs/configuration.md", "default_server", "toml")
    text = text.replace("wss://ws.example.com", busy.url).replace('"me"', '"demo"')
    folder = home.path / ".config" / "notifyws"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)
    env = {"WEBSOCKET_SERVER_URL": "", "WEBSOCKET_USERNAME": ""}
    done = home.within("status", "-v", "--check", env=env)
    assert done.returncode == 0, done.stdout
    assert "[servers.work in config.toml]" in done.stdout
    assert "ping_interval = 20.0  [settings in config.toml]" in done.stdout


def test_make_demo_into_head_ends_quietly_with_three_lines(home):
    assert "make demo" in block("README.md", "make demo")
    done = subprocess.run(
        ["bash", "-c", "make -s demo | head -3; echo ${PIPESTATUS[*]}"],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    *lines, codes = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith('{"type":"') for line in lines)
    assert codes == "0 0"
    said = [line.split()[0] for line in done.stderr.splitlines()]
    assert said == ["Connecting", "Connected"]


# docs/getting-started.md, docs/completions.md


def test_the_script_saves_a_server_checks_it_sends_and_listens(home, unknown):
    logins = unknown.stats["logins"]
    text = block("docs/getting-started.md", "--name work")
    text = text.replace("wss://ws.example.com", unknown.url)
    done = run(home, text.replace("--username me", "--username demo"), PASSWORD="demo")
    assert "Saved as server work" in done.stderr
    assert "✔ ping" in done.stdout
    assert '{"type":' in done.stdout
    assert unknown.stats["logins"] == logins + 1


@pytest.mark.slow
def test_the_recipe_for_a_server_of_ones_own(home, unknown):
    text = block("docs/getting-started.md", "--name dev")
    text = text.replace("ws://127.0.0.1:8765", unknown.url)
    assert '{"type":' in run(home, text, PASSWORD="demo").stdout


def test_the_other_blocks_say_what_there_is():
    page = "docs/getting-started.md"
    assert "make demo\n" in blocks(page)  # run as the README's
    extras = re.findall(r"\[([\w,]+)\]'", block(page, "pipx"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    known = set(project["optional-dependencies"])
    assert {each for names in extras for each in names.split(",")} <= known
    files = re.findall(r"completions/notifyws\.\w+", PAGES["docs/completions.md"])
    assert all((ROOT / name).is_file() for name in files)


@pytest.mark.parametrize("page", NEWCOMERS)
def test_every_command_and_option_of_the_page_exists(page):
    for line in "".join(blocks(page)).splitlines():
        for part in line.split("|"):
            words = shlex.split(part, comments=True)
            if words[:1] == ["notifyws"]:
                assert unknown_words(words[1:]) == [], line


def unknown_words(words: list[str]) -> list[str]:
    """The options, and the command, that the application does not know."""
    command = root_command()
    while words and hasattr(command, "commands"):
        below = command.get_command(None, words[0])
        if below is None:
            break
        command, words = below, words[1:]
    known = {option for param in command.params for option in param.opts}
    return [word for word in words if word.startswith("-") and word not in known]


# docs/recipes.md, docs/sending.md, docs/running.md


def recipe(words: str) -> str:
    return block("docs/recipes.md", words)


@pytest.mark.slow
def test_lines_of_one_s_own(home, busy):
    *lines, one, two = run(home, recipe("--format '{time}")).stdout.splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d [\w ]+: .+", line) for line in lines)
    assert (one + two).isdigit()


@pytest.mark.slow
def test_a_token_and_the_status_in_a_shape(home, busy):
    left, status = run(home, recipe("token --query")).stdout.splitlines()
    assert 0 < int(left) <= 900
    assert re.fullmatch(rf"{busy.url} \d+", status)


@pytest.mark.slow
@needs("jq")
def test_jq(home, busy):
    lines = run(home, recipe("jq -r")).stdout.splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"\w+\t[\w ]+", line) for line in lines)


@pytest.mark.slow
def test_the_last_hour(home, busy):
    assert json.loads(run(home, recipe("--since 1h")).stdout)["title"]


@pytest.mark.slow
def test_wait_for_one_in_ci(home, busy):
    assert run(home, recipe("answer.json")).stdout == ""
    for name in ("trip.json", "answer.json"):
        seen = json.loads((home.path / name).read_text())
        assert seen["type"] == "trip_update"


@pytest.mark.slow
@needs("jq")
@needs("curl")
def test_a_chat_webhook(home, busy):
    with target() as chat:
        run(home, recipe("to-chat"), CHAT_WEBHOOK_URL=chat.url)
        texts = [json.loads(posted.body)["text"] for posted in chat.posted]
    assert len(texts) == 2
    assert all(re.fullmatch(r"[\w ]+: .+", text) for text in texts)


@pytest.mark.slow
def test_a_desktop_toast(home, busy):
    stand_in = home.path / "bin" / "notify-send"
    stand_in.write_text('#!/bin/sh\nprintf "%s|" "$@" > toast\n')
    stand_in.chmod(0o755)
    seen = json.loads(run(home, recipe("notify-send")).stdout)
    shown = (home.path / "toast").read_text()
    assert shown == f"--|{seen['title']}|{seen['message']}|"


def test_a_recording_is_made_and_played(home, busy):
    done = run(home, block("docs/recipes.md", "--record bug.jsonl.gz"))
    lines = done.stdout.splitlines()
    assert sum(line.startswith('{"what":"received"') for line in lines) >= 2
    serve = shlex.split(block("docs/recipes.md", "serve --replay"))[1:]
    server = home.start(*serve, "--port", "0")
    server.says("playing 1 connection on ws://")
    (url,) = re.findall(r"ws://\S+", server.err.text)
    text = block("docs/recipes.md", "NOTIFYWS_TOKEN=replay")
    text = text.replace("ws://127.0.0.1:8765", url)
    played = run(home, text).stdout.splitlines()
    assert played == [line for line in lines if not line.startswith('{"what"')]


@pytest.mark.parametrize("page", ["docs/recipes.md", "docs/running.md"])
def test_the_unit_is_one_and_its_command_parses(page):
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(block(page, "ExecStart", "ini"))
    assert unit["Service"]["Type"] == "notify"
    _, name, *options = shlex.split(unit["Service"]["ExecStart"])
    listen = root_command().get_command(None, name)
    assert "--name" in options
    assert listen.make_context(name, options).params["name"]


@needs("systemd-analyze")
@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("docs/recipes.md", "notifyws@work.service"),
        ("docs/running.md", "notifyws.service"),
    ],
)
def test_systemd_finds_nothing_wrong_with_a_unit(home, page, name):
    place = home.path / ".local" / "bin" / "notifyws"
    place.parent.mkdir(parents=True)
    place.symlink_to(COMMAND)
    unit = home.path / name
    text = block(page, "ExecStart", "ini")
    unit.write_text(text.replace("%h", str(home.path)))
    verify = f"systemd-analyze --man=no verify {unit}"
    done = home.shell(verify, XDG_RUNTIME_DIR=str(home.path))
    about_it = [line for line in done.stderr.splitlines() if "notifyws" in line]
    assert (done.returncode, about_it) == (0, [])


STEPS = re.findall(
    r"^([A-Z]+) (.+)$", "".join(blocks("docs/running.md", "dockerfile")), re.MULTILINE
)
"""Instruction and words of each line of the Dockerfile."""


@pytest.mark.slow
def test_what_is_copied_into_the_container_is_enough_to_install(tmp_path):
    for _, words in filter(lambda step: step[0] == "COPY", STEPS):
        *sources, place = words.split()
        for name in sources:
            there = tmp_path / place.removeprefix("/")
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, there)
            else:
                there.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, there)
    build = [Path(sys.executable).with_name("uv"), "build", "-q", "--wheel"]
    trusting = {**os.environ, "UV_SYSTEM_CERTS": "1"}  # as the Makefile does
    subprocess.run([*build, tmp_path / "src"], check=True, timeout=180, env=trusting)
    assert list((tmp_path / "src" / "dist").glob("notifyws-*.whl"))


def test_the_containers_volume_belongs_to_who_runs_in_it():
    order = [(kind, words.split()[-1]) for kind, words in STEPS]
    user, made = order.index(("USER", "listener")), dict(order)["VOLUME"]
    assert user < order.index(("RUN", made)) < order.index(("VOLUME", made))


@pytest.mark.parametrize("kind", ["HEALTHCHECK", "ENTRYPOINT"])
def test_what_the_container_runs_parses(kind):
    program, *words = json.loads(re.sub(r"^[^\[]*", "", dict(STEPS)[kind]))
    assert program == "notifyws"
    command = root_command().get_command(None, words[0])
    assert command.make_context(words[0], words[1:]).params["name"] == "desk"


@pytest.mark.slow
def test_a_health_check(home, busy):
    check = recipe("status --listening").strip()
    assert home.shell(check).returncode == 5
    home.listen("--json", "--name", "desk")
    healthy = f"{check} || true"
    until(lambda: "healthy" in run(home, healthy).stdout, "good health")


@pytest.mark.slow
def test_the_ways_to_send(home, busy):
    def sending(words: str) -> str:
        return run(home, block("docs/sending.md", words)).stdout

    frame = json.loads(sending("stops:="))
    assert frame["type"] == "payment_approved"
    assert frame["payload"]["data"]["amount"] == 25.0
    answered, result = sending("anybody there?").splitlines()
    assert json.loads(answered)["type"] == "trip_update"
    told = '{"status":"delivered","type":"notification","roundTripMs'
    assert result.startswith(told)
    assert sending("messages.jsonl").count('"status":"delivered"') == 3
