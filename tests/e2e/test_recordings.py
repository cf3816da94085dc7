"""What was recorded is played: faults of the field, as tests."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import stat
from pathlib import Path

import pytest

from notifyws.cli.serve import speed_of
from notifyws.config.recording_file import RecordingFile, read_lines
from notifyws.devserver.replay import ReplayServer
from notifyws.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NetworkFailed,
    UsageError,
)
from notifyws.events import Gap, Reconnecting
from notifyws.recording import Closed, Received, Recording, Refused, Sent, parse
from tests.e2e.support import COMMAND, NO_BYTECODE, Home, until
from tests.support.httpd import json_answer
from tests.support.recorded_scenes import FOLDER, SCENES, Outcome, Scene, listen

FAST = float("inf")


def recording_of(path: Path) -> Recording:
    return parse(path.name, read_lines(path), pytest.fail)


async def played(name: str, path: Path | None = None, speed: float = FAST) -> Outcome:
    """Listen to a recording that is played."""
    recording = recording_of(FOLDER / f"{name}.jsonl")
    async with ReplayServer(recording, port=0, speed=speed) as server:
        said = {} if "username" in SCENES[name].settings else {"token": "replay"}
        return await listen(server.url, SCENES[name], path, **said)


async def test_a_subscription_that_expired_is_made_anew_with_a_gap():
    outcome = await played("centrifugo-resubscribes")
    assert (outcome.titles, outcome.error) == (["before", "after"], None)
    assert "gap" in outcome.names


async def test_a_subscription_that_the_server_ended_for_good_is_the_end():
    outcome = await played("centrifugo-ends")
    assert isinstance(outcome.error, NetworkFailed)
    assert "unsubscribed from news: server unsubscribe" in outcome.error.message


async def test_a_login_that_was_recorded_can_be_made_again_and_its_token_refused():
    outcome = await played("home-assistant-refuses")
    assert isinstance(outcome.error, AuthenticationFailed)
    assert "Invalid access token or password" in outcome.error.message


async def test_a_channel_is_signed_as_it_was_though_the_signature_is_masked():
    outcome = await played("pusher-signs")
    assert (outcome.titles, outcome.error) == (["shipped"], None)


async def test_a_proxy_that_answers_during_a_restart_is_no_end():
    outcome = await played("restart-behind-a-proxy")
    assert outcome.titles == ["before", "after"]
    attempts = [e.attempt for e in outcome.events if isinstance(e, Reconnecting)]
    assert attempts == [1, 2, 3, 4]


async def test_a_line_that_was_cut_and_one_that_went_deaf_are_noticed_again():
    outcome = await played("cut-and-deaf")
    assert outcome.titles == ["before", "before", "after"]
    reasons = [e.reason for e in outcome.events if isinstance(e, Reconnecting)]
    assert reasons[0] == "connection cut"
    assert "no pong" in reasons[1]
    assert len([e for e in outcome.events if isinstance(e, Gap)]) == 2


def story(recording: Recording) -> list[list[object]]:
    """What was said on every socket, and how it ended."""

    def told(step):
        match step:
            case Received():
                return "<", step.frame
            case Sent():
                return ">", re.sub(r"\*\*\*\d+", "***", step.text)
            case Closed():
                return step.by, step.code, step.reason, step.deaf_since is None

    return [
        [
            visit.ending.status if isinstance(visit.ending, Refused) else None,
            *map(told, visit.steps),
        ]
        for visit in recording.visits
    ]


@pytest.mark.parametrize("name", SCENES)
async def test_whoever_records_what_is_played_gets_the_same_recording(name, tmp_path):
    path = tmp_path / "again.jsonl"
    await played(name, path)
    assert story(recording_of(path)) == story(recording_of(FOLDER / f"{name}.jsonl"))


async def test_it_takes_its_time_and_less_at_a_higher_speed():
    lines = (
        b'{"what":"recording","version":1,"program":"p","profile":"default","began":""}\n'
        b'{"what":"opening","at":0,"socket":1,"url":"ws://h"}\n'
        b'{"what":"opened","at":0,"socket":1}\n'
        b'{"what":"received","at":3,"socket":1,"text":"{\\"type\\":\\"a\\"}"}\n'
    )
    recording = parse("r", lines.splitlines(keepends=True), pytest.fail)
    loop = asyncio.get_running_loop()
    async with ReplayServer(recording, port=0, speed=10, loop=True) as server:
        for _ in range(2):  # and again, in a loop
            begun = loop.time()
            outcome = await listen(server.url, Scene("default", (), 1, {"token": "t"}))
            assert outcome.titles == [""]
            assert 0.25 < loop.time() - begun < 2


def test_the_command_records_for_its_owner_alone_and_without_secrets(home, server):
    listener = home.listen("--json", "-n", "1", "--record", "r.jsonl.gz")
    server.notify(1)
    assert listener.wait() == 0
    file = home.path / "r.jsonl.gz"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = gzip.decompress(file.read_bytes()).decode()
    kinds = [json.loads(line)["what"] for line in text.splitlines()]
    assert kinds[0] == "recording"
    assert {"opening", "opened", "received", "closed", "event", "http"} <= set(kinds)
    assert '"title\\":\\"1' in text
    assert "demo" not in text
    assert "eyJ" not in text


def test_of_a_group_the_member_that_holds_the_socket_records_it(
    home, server, clean_valkey
):
    home.env |= {"REDIS_URL": clean_valkey.url}
    listener = home.listen("--json", "-n", "1", "--group", "g", "--record", "r.jsonl")
    server.notify(1)
    assert listener.wait() == 0
    recording = recording_of(home.path / "r.jsonl")
    assert any(isinstance(each, Received) for each in recording.entries)


PLACES = [
    'token_in = "header"',
    'token_in = "query:jwt"',
    'token_in = "cookie:sid"',
    'token_in = "subprotocol:bearer"',
    'token_in = "message"\nfirst_frame = { hello = "{access_token}" }',
    'token_in = "none"\nheaders = { X-Who = "{username}:{access_token}" }',
]
LOGIN = """
name = "p"
[http.login]
path = "/login"
body = { user = "{username}", secret = "{password}" }
[tokens]
access = "a"
refresh = "b"
[[rules]]
then = "notification"
[socket]
"""


@pytest.mark.parametrize("place", PLACES)
async def test_no_secret_is_recorded_wherever_it_travels(place, tmp_path):
    profile = tmp_path / "p.toml"
    profile.write_text(f"{LOGIN}{place}\n")

    async def echoes(socket):
        shown = dict(socket.request.headers) | {"url": socket.request.target}
        await socket.say({"type": "a", "seen": shown, "b": "sentinel-refresh"})
        await socket.stay()

    tokens = {"a": "sentinel-access", "b": "sentinel-refresh"}
    who = {"username": "me", "password": "sentinel-password"}
    case = Scene(
        str(profile),
        (echoes,),
        1,
        who,
        lambda: {"POST /login": lambda _: json_answer(tokens)},
    )
    path = tmp_path / "r.jsonl"
    outcome = await case.record(path)
    assert outcome.titles == [""]
    assert "***" in path.read_text()
    assert "sentinel" not in path.read_text()


def test_what_stands_here_holds_no_secret_either():
    assert not [each for each in FOLDER.iterdir() if "sentinel" in each.read_text()]


def test_what_is_there_already_is_not_written_over(home, server):
    file = home.path / "r.jsonl"
    (home.path / "target").touch()
    os.mkfifo(home.path / "pipe")
    (home.path / "link").symlink_to(home.path / "target")
    file.write_text("mine\n")
    said = {
        "r.jsonl": "it is there already, and not empty",
        "link": "it is a link",
        "pipe": "it is a pipe",
        ".": "it is a folder",
        "no/r.jsonl": "No such file",
    }
    for name, words in said.items():
        with pytest.raises(ConfigurationError, match=words):
            RecordingFile(home.path / name, pytest.fail)
    done = home.within("listen", "-n", "1", "--record", "pipe")
    assert done.returncode == 2
    assert "cannot record to pipe: it is a pipe" in done.stderr
    assert file.read_text() == "mine\n"
    RecordingFile(home.path / "target", pytest.fail).close()
    assert stat.S_IMODE((home.path / "target").stat().st_mode) == 0o600


def test_a_full_disk_ends_the_recording_and_not_the_listener(home, server):
    script = "ulimit -f 1; exec notifyws listen --json -n 40 --record r.jsonl"
    listener = home.start(
        program=("bash", "-c", script), PATH=path_of(home), **NO_BYTECODE
    )
    listener.says("Connected")
    server.notify(*range(40))
    assert listener.wait() == 0
    assert len(listener.out.lines) == 40
    assert "the recording r.jsonl ends here: File too large" in listener.err.text


def path_of(home: Home) -> str:
    return f"{Path(COMMAND).parent}:{home.env['PATH']}"


def test_the_command_plays_a_recording_and_says_how_to_listen(home):
    file = str(FOLDER / "centrifugo-resubscribes.jsonl")
    server = home.serve("--replay", file, "--speed", "max")
    server.says("listen with --profile centrifugo, and NOTIFYWS_TOKEN=replay")
    listener = home.start(
        *("listen", "--json", "-n", "2", "--events", "--url", server.url),
        *("--profile", "centrifugo"),
        NOTIFYWS_TOKEN="replay",
        NOTIFYWS_VARIABLES="channel=news",
        NOTIFYWS_RETRY_DELAYS="0.1",
    )
    assert listener.wait() == 0
    lines = listener.said
    assert [e["title"] for e in lines if "title" in e] == ["before", "after"]
    until(lambda: "closes with" in server.err.text or "ended" in server.err.text, "end")


HEAD = '{"what":"recording","version":1,"program":"p","profile":"x","began":""}\n'


def test_what_cannot_be_played_is_said(home):
    (home.path / "r").write_text(f'{HEAD}{{"what":"opening","at":1,"soc')
    done = home.within("serve", "--replay", "r")
    assert done.returncode == 2
    assert "the last line of r is torn, and is left out" in done.stderr
    assert "error: r opens no socket: there is nothing to play\nhint: " in done.stderr


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "nan", ""])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(UsageError, match="is no speed"):
        speed_of(speed)


def test_options_of_recordings_want_a_recording(home):
    assert (speed_of(None), speed_of("10"), speed_of("max")) == (1, 10, FAST)
    for words in ("serve --loop", "listen --record-secrets"):
        done = home.within(*words.split())
        assert (done.returncode, "goes with" in done.stderr) == (2, True)


def test_a_recording_that_was_cut_off_is_played_as_far_as_it_goes(home):
    whole = gzip.compress((FOLDER / "cut-and-deaf.jsonl").read_bytes())
    (home.path / "r.gz").write_bytes(whole[:-100])
    server = home.serve("--replay", str(home.path / "r.gz"))
    assert "r.gz is torn, and is left out" in server.err.text
    (home.path / "plain.gz").write_text(HEAD)
    for name, words in {"plain.gz": "is not compressed", "no": "is no"}.items():
        with pytest.raises(ConfigurationError, match=words):
            list(read_lines(home.path / name))
