"""Handing on: what may happen to hooks, targets, the process and its disk."""

from __future__ import annotations

import itertools
import json
import random
import signal
import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from notifyws.config.settings import Settings
from tests.e2e.support import NO_BYTECODE, Home, Running, Server, until
from tests.faults.support import scripted, without_resume
from tests.support.catalogue import sample
from tests.support.target import target
from tests.support.valkey import free_port

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "; rm -rf x; touch pwned",
    "'; touch pwned; '",
    "line one\nline two",
    "--help",
    "-n",
    "nul \0 inside",
    "%s %n ${IFS} * ? ~",
    "x" * 200_000,
]
"""Texts that would be code if they were not data."""


def hook(home: Home, code: str, name: str = "hook.py") -> str:
    """Write a hook in Python and return the command that runs it."""
    path = home.path / name
    path.write_text(f"import json, os, sys, time, signal\n{code}\n")
    return f"{sys.executable} -S -E {path}"


RECORD = """
text = sys.stdin.read()
fields = {k: v for k, v in os.environ.items() if k.startswith("NOTIFICATION_")}
with open("got", "a") as file:
    file.write(json.dumps([json.loads(text), fields]) + "\\n")
"""


def got(home: Home, name: str = "got") -> list:
    path = home.path / name
    text = path.read_text() if path.exists() else ""
    whole, _, _ = text.rpartition("\n")  # the next one may be half written
    return [json.loads(line) for line in whole.splitlines()]


def dead_letters(home: Home) -> list[Path]:
    folder = home.path / ".local/state/notifyws/dead-letters"
    return sorted(folder.glob("*.jsonl"))


def buried(home: Home) -> list[dict]:
    """Return the lines of the only file of dead letters."""
    (letters,) = dead_letters(home)
    return [json.loads(line) for line in letters.read_text().splitlines()]


@pytest.mark.fault(41)
def test_text_that_looks_like_code_is_data_for_a_hook(home: Home, server: Server):
    command = hook(home, RECORD)
    listener = home.listen("-n", str(len(HOSTILE)), "--exec", command)
    for text in HOSTILE:
        note = {"type": text[:50], "title": text, "message": text, "link": text}
        server.dev("notify", note)
    assert listener.wait() == 0
    seen = got(home)
    assert [note["message"] for note, _ in seen] == HOSTILE
    for (_, fields), text in zip(seen, HOSTILE, strict=True):
        assert text.replace("\0", "").startswith(fields["NOTIFICATION_TITLE"])
        assert fields["NOTIFICATION_TITLE"]
    assert not (home.path / "pwned").exists()


@pytest.mark.slow
@pytest.mark.fault(41)
def test_three_megabytes_are_no_e2big(home: Home, server: Server):
    home.env["NOTIFYWS_MAX_SIZE"] = str(12 << 20)
    listener = home.listen("-n", "1", "--exec", hook(home, RECORD))
    server.dev("notify", {"type": "t", "message": "é" * 1_500_000})
    assert listener.wait() == 0
    ((note, fields),) = got(home)
    assert len(note["message"]) == 1_500_000
    assert 0 < len(fields["NOTIFICATION_MESSAGE"].encode()) <= 32 << 10


@pytest.mark.fault(41)
@pytest.mark.fault(39)
def test_a_hook_sees_the_notification_and_nothing_secret(home: Home, server: Server):
    url = f"{home.env.get('WEBSOCKET_SERVER_URL', '')}?access_token=s3"
    home.env |= {"HOOK_SECRET": "s3", "NEXT_PUBLIC_WEBSOCKET_SERVER_URL": url}
    home.env |= {"LC_TIME": "C", "REDIS_URL": ""}
    code = "open('env', 'w').write(json.dumps(dict(os.environ)))"
    listener = home.listen("-n", "1", "--exec", hook(home, code))
    server.dev("notify", {"type": "t", "title": "T", "link": "/x"})
    assert listener.wait() == 0
    seen = json.loads((home.path / "env").read_text())
    assert seen["LC_TIME"] == "C"
    assert seen["NOTIFICATION_TITLE"] == "T"
    assert seen["NOTIFICATION_ID"] == json.loads(listener.out.text)["id"]
    assert seen["NOTIFICATION_TIMESTAMP"]
    assert {"WEBSOCKET_PASSWORD", "HOOK_SECRET", "REDIS_URL"}.isdisjoint(seen)
    assert "s3" not in seen.values()
    assert url not in seen.values()


@pytest.mark.fault(42)
@pytest.mark.parametrize(
    "code",
    sample(
        "os.fork() or time.sleep(60); time.sleep(60)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
        "time.sleep(60)",
    ),
    ids=["forks and hangs", "ignores SIGTERM", "hangs"],
)
def test_a_hook_over_its_time_is_killed_as_a_group(home: Home, server: Server, code):
    home.env["NOTIFYWS_HAND_ON_DELAYS"] = "0.05"
    command = hook(home, f"open('pids', 'a').write(f'{{os.getpgid(0)}}\\n')\n{code}")
    listener = home.listen("-n", "1", "--exec", command, "--exec-timeout", "0.3")
    server.notify(1)
    assert listener.wait() == 0
    assert "took longer than 0.3 s" in listener.err.text
    groups = {int(line) for line in (home.path / "pids").read_text().split()}
    assert len(groups) == 2  # tried twice
    until(lambda: not groups & living_groups(), "their end")
    assert [each["notification"]["title"] for each in buried(home)] == ["1"]


@pytest.mark.slow
@pytest.mark.fault(42)
def test_a_daemon_that_holds_stdout_delays_nothing_and_dies_at_the_limit(
    home: Home, server: Server
):
    code = (
        "if os.fork() == 0:\n"
        "    open('pid', 'a').write(f'{os.getpid()}\\n'); time.sleep(60)\n"
        "print('parent done')"
    )
    command = hook(home, code)
    home.env["NOTIFYWS_EXEC_TIMEOUT"] = "2"
    listener = home.listen("--exec", command, "-n", "9")
    started = time.monotonic()
    server.notify(1, 2, 3)
    listener.says("parent done", times=3)
    assert time.monotonic() - started < 2
    pids = until(lambda: (home.path / "pid").read_text().split(), "daemons")
    until(lambda: not any(map(alive, map(int, pids))), "their end")
    assert listener.process.poll() is None


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def living_groups() -> set[int]:
    groups = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if state != "Z":
                groups.add(int(group))
    return groups


@pytest.mark.slow
@pytest.mark.fault(42)
def test_a_hook_that_reads_nothing_is_no_trouble(home: Home, server: Server):
    listener = home.listen("-n", "1", "--exec", "true")
    server.dev("notify", {"type": "t", "message": "x" * 900_000})
    assert listener.wait() == 0
    assert "did not take" not in listener.err.text


@pytest.mark.fault(42)
@pytest.mark.parametrize("command", ["{file}", "/no/such/hook"])
def test_a_hook_that_is_not_there_is_said_at_the_start(home, server, command):
    (home.path / "plain").write_text("not a program")
    done = home.within("listen", "--exec", command.format(file=home.path / "plain"))
    assert done.returncode == 2
    assert "there is no command" in done.stderr


@pytest.mark.fault(42)
def test_a_hook_that_cannot_run_is_said_and_kept_at_once(home, server):
    hook = home.path / "hook"
    hook.write_bytes(b"\x7fELF but not really")
    hook.chmod(0o755)
    listener = home.listen("-n", "2", "--exec", str(hook))
    server.notify(1, 2)
    assert listener.wait() == 0
    assert listener.err.text.count("cannot run") == 2
    assert len(buried(home)) == 2


@pytest.mark.fault(42)
def test_a_slow_hook_never_delays_what_is_shown(home: Home, server: Server):
    listener = home.listen("--exec", "sleep 5")
    server.notify(*range(50))
    started = time.monotonic()
    listener.prints(50)
    assert time.monotonic() - started < 2
    listener.signal(signal.SIGTERM)
    started = time.monotonic()
    assert listener.wait() == -signal.SIGTERM
    assert time.monotonic() - started < 2
    # it has no name, so that nobody would resume it
    titles = [dead_letter["notification"]["title"] for dead_letter in buried(home)]
    assert sorted(map(int, titles)) == list(range(50))


@pytest.mark.fault(43)
def test_a_target_that_fails_is_tried_again_in_order(home: Home, server: Server):
    home.env["NOTIFYWS_HAND_ON_DELAYS"] = "0.1,0.1,0.1"
    with target() as there:
        there.answers = [500, 503, 200, (429, {"Retry-After": "1"}), 200]
        listener = home.listen("-n", "3", "--forward-to", there.url)
        server.notify(1, 2, 3)
        assert listener.wait() == 0
        assert [each.title for each in there.posted] == ["1"] * 3 + ["2"] * 2 + ["3"]
        assert 1.0 <= there.posted[4].at - there.posted[3].at < 3
        keys = [each.headers["idempotency-key"] for each in there.posted]
        assert len(set(keys)) == 3
        assert keys[0] == keys[1] == keys[2]
        assert there.posted[0].headers["content-type"] == "application/json"
    assert dead_letters(home) == []


@pytest.mark.fault(43)
def test_what_is_refused_becomes_a_dead_letter_and_a_replay_delivers_it(
    home: Home, server: Server
):
    home.env["NOTIFYWS_HAND_ON_DELAYS"] = "0.05"
    port = free_port()
    url = f"http://127.0.0.1:{port}/hook?key=hidden-key"
    listener = home.listen("-n", "3", "--forward-to", url)
    server.dev(
        "notify", [{"type": "t", "title": str(n), "own": [1.5, None]} for n in range(3)]
    )
    assert listener.wait() == 0
    assert "hidden-key" not in listener.err.text
    (letters,) = dead_letters(home)
    assert oct(letters.stat().st_mode)[-3:] == "600"
    replay = ("listen", "--replay", str(letters), "--forward-to", url)
    assert home.within(*replay).returncode == 6  # nobody there yet, and nothing is lost
    assert len(buried(home)) == 3
    with target(port) as there:
        done = home.within(*replay)
        assert done.returncode == 0, done.stderr
        assert [each.title for each in there.posted] == ["0", "1", "2"]
        assert json.loads(there.posted[0].body)["own"] == [1.5, None]
    assert not letters.exists()


WAITED = 5_000


def waiting_for_a_hook(home: Home, server: Server, *options: str) -> Running:
    """Start a listener that has shown very much, and whose hook takes nothing."""
    listener = home.listen("--json", "--exec", "sleep 60", *options)
    for first in range(0, WAITED, 1000):
        titles = range(first, first + 1000)
        server.dev("notify", [{"type": "t", "title": str(n)} for n in titles])
    listener.prints(WAITED)
    return listener


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_however_much_waits_at_the_end_of_a_nameless_listener_becomes_letters(
    home: Home, server: Server, signum
):
    listener = waiting_for_a_hook(home, server)
    listener.signal(signum)
    assert listener.wait() == -signum, listener.err.text
    titles = [dead_letter["notification"]["title"] for dead_letter in buried(home)]
    assert titles == [str(n) for n in range(WAITED)], listener.err.text
    assert len(listener.err.lines) < 10


def test_a_server_that_does_not_answer_our_goodbye_leaves_time_for_letters(home: Home):
    async def story(peer):
        await peer.upgrade()
        for number in range(200):
            await peer.say(json.dumps({"type": "t", "title": str(number)}))
        while True:
            await peer.read()

    usual = {"NOTIFYWS_CLOSE_TIMEOUT": str(Settings().close_timeout)}
    with scripted(home, story, **usual):
        listener = home.listen("--json", "--exec", "sleep 60")
        listener.prints(200)
        listener.signal(signal.SIGTERM)
        assert listener.wait() == -signal.SIGTERM
    assert len(buried(home)) == 200
    assert "Lost" not in listener.err.text


def kill_in_a_hurry(listener: Running) -> None:
    listener.signal(signal.SIGINT)
    listener.signal(signal.SIGTERM)  # the system may hand over this one first
    assert listener.wait() in (-signal.SIGINT, -signal.SIGTERM)


LOST = "Lost, because no time is left: exec has"


def test_what_there_is_no_time_to_keep_is_said_to_be_lost(home: Home, server: Server):
    listener = waiting_for_a_hook(home, server)
    kill_in_a_hurry(listener)
    assert LOST in listener.err.text


def test_so_is_what_a_named_listener_could_not_write(home: Home, server: Server):
    folder = home.path / ".local/state/notifyws/listeners"
    folder.parent.mkdir(parents=True)
    folder.write_text("")  # a file where its folder should be
    listener = waiting_for_a_hook(home, server, "--name", "desk")
    kill_in_a_hurry(listener)
    assert "using memory only" in listener.err.text
    assert LOST in listener.err.text


def test_what_a_file_of_its_name_keeps_is_not_lost(home: Home, server: Server):
    listener = waiting_for_a_hook(home, server, "--name", "desk")
    kill_in_a_hurry(listener)
    assert "Lost" not in listener.err.text


def test_what_is_missing_beside_it_is_said_in_a_hurry_too(home: Home, server: Server):
    beside = home.path / "log"
    listener = home.listen("--json", "--exec", "sleep 60", "--tee", str(beside))
    beside.unlink()
    beside.mkdir()
    server.dev("notify", {"type": "t", "title": "gone"})
    listener.prints(1)
    kill_in_a_hurry(listener)
    assert "1 are missing in the file of --tee" in listener.err.text


@pytest.mark.fault(43)
def test_a_second_replay_of_a_file_is_refused_and_no_letter_is_lost(
    home: Home, server: Server
):
    home.env["NOTIFYWS_HAND_ON_DELAYS"] = "0.05"
    listen = "listen", "-n", "2", "--exec", "false"
    listener = home.start(*listen)
    listener.says("Connected")
    server.notify(1, 2)
    assert listener.wait() == 0
    (letters,) = dead_letters(home)
    slow = hook(home, RECORD + "time.sleep(1)")
    replay = "listen", "--replay", str(letters), "--exec"
    first = home.start(*replay, slow)
    until(lambda: len(got(home)) == 1, "the first")
    second = home.within(*replay, hook(home, RECORD, "other.py"))
    assert second.returncode == 2
    assert "being replayed by another process" in second.stderr
    assert first.wait() == 0
    assert len(got(home)) == 2
    assert not letters.exists()


@pytest.mark.fault(43)
def test_a_bad_row_of_the_queue_is_a_dead_letter_and_stops_nothing(home, server):
    command = "listen", "--name", "desk", "--exec", hook(home, RECORD)
    first = home.listen(*command[1:], "-n", "1")
    server.notify(1)
    assert first.wait() == 0
    (file,) = home.path.glob(".local/state/notifyws/listeners/*.db")
    with sqlite3.connect(file) as other:
        bad = "INSERT INTO waiting VALUES ('exec', 1, 'rubbish'), ('output', 2, 'bad')"
        other.execute(bad)
    other.close()
    second = home.listen(*command[1:], "-n", "5")
    server.notify(*range(5))
    assert second.wait() == 0
    assert len(got(home)) == 6
    (letters,) = dead_letters(home)
    assert {each["notification"] for each in buried(home)} == {"rubbish", "bad"}
    assert str(letters) in second.err.text
    replay = home.within("listen", "--replay", str(letters), "--exec", "true")
    assert replay.returncode == 6
    assert "stays: it is no notification" in replay.stderr
    assert len(buried(home)) == 2


@pytest.mark.slow
@pytest.mark.fault(43)
def test_a_redirect_is_not_followed(home: Home, server: Server):
    with target() as there, target() as elsewhere:
        there.answers = [(307, {"Location": elsewhere.url})]
        listener = home.listen("-n", "1", "--forward-to", there.url, "-H", "X-Key: k")
        server.notify(1)
        assert listener.wait() == 0
        assert there.posted[0].headers["x-key"] == "k"
        assert elsewhere.posted == []
    assert len(dead_letters(home)) == 1


def in_order(titles: list[int]) -> list[int]:
    """Return each title where it came first."""
    return list(dict.fromkeys(titles))


def kill_and_resume(home: Home, server: Server, kills: int, pause: float) -> None:
    """Kill a durable listener at random moments while notifications come."""
    dice = random.Random(kills)
    slow = f"time.sleep({pause})\n" + RECORD
    command = hook(home, "text = ''\n" + slow)
    args = ("listen", "--name", "desk", "--exec", command, "--json")
    shown: list[int] = []
    sent = 0
    listener = home.listen(*args[1:])
    for _ in range(kills):
        for _ in range(dice.randrange(1, 8)):
            server.notify(sent)
            sent += 1
        time.sleep(dice.random() * 0.3)
        listener.process.kill()
        listener.wait()
        shown += [int(json.loads(line)["title"]) for line in listener.out.lines]
        server.notify(sent)  # while nobody listens
        sent += 1
        listener = home.start(*args)
        if dice.random() < 0.7:
            listener.says("Connected")
    until(lambda: len({n["title"] for n, _ in got(home)}) == sent, "all of them", 60)
    listener.signal(signal.SIGTERM)
    listener.wait()
    shown += [int(json.loads(line)["title"]) for line in listener.out.lines]
    handed = [int(note["title"]) for note, _ in got(home)]
    assert in_order(handed) == list(range(sent))
    assert in_order(shown) == list(range(sent))
    repeated = len(handed) - sent
    assert repeated <= kills  # only what was under way
    assert all(b - a <= 1 for a, b in itertools.pairwise(handed))


@pytest.mark.fault(44)
def test_what_was_under_way_at_a_sigkill_is_handed_on_again(home, server):
    kill_and_resume(home, server, kills=3, pause=0.03)


@pytest.mark.fault(44)
@pytest.mark.slow
def test_twenty_sigkills_lose_nothing_and_change_no_order(home, server):
    kill_and_resume(home, server, kills=20, pause=0.05)


@pytest.mark.fault(44)
def test_the_cursor_is_shared_with_the_other_hosts(home, server, clean_valkey):
    home.env["REDIS_URL"] = clean_valkey.url
    first = home.listen("--name", "desk", "-n", "1")
    server.notify(1)
    assert first.wait() == 0
    server.notify(2)
    elsewhere = str(home.path / "elsewhere")
    there = home.start("listen", "--name", "desk", "-n", "1", XDG_STATE_HOME=elsewhere)
    (note,) = there.prints(1)
    assert note["title"] == "2"
    assert there.wait() == 0


@pytest.mark.fault(25, 44)
def test_the_time_away_is_a_gap_where_nobody_can_replay_it(home: Home, server: Server):
    profile = without_resume(home.path)
    args = ("--name", "desk", "--profile", profile, "--events", "-n", "1")
    first = home.listen(*args)
    server.notify(1)
    assert first.wait() == 0
    assert "gap" not in first.out.text  # nothing was missed before it began
    server.notify(2)
    second = home.listen(*args)
    server.notify(3)
    assert second.wait() == 0
    lines = [json.loads(line) for line in second.out.lines]
    (gap,) = [line for line in lines if line.get("event") == "gap"]
    received = json.loads(first.out.lines[2])["timestamp"]
    assert received <= gap["from"] < gap["to"]
    assert [line["title"] for line in lines if "type" in line] == ["3"]


@pytest.mark.fault(25)
def test_what_was_shown_before_a_restart_is_not_shown_again(home: Home, server: Server):
    first = home.listen("--name", "desk", "-n", "3")
    server.notify(1, 2, 3)
    assert first.wait() == 0
    ids = [json.loads(line)["id"] for line in first.out.lines]
    replayed = home.listen("--name", "desk", "-n", "1")
    server.notify(4)
    assert replayed.wait() == 0
    assert json.loads(replayed.out.text)["title"] == "4"
    again = home.start("listen", "--name", "desk", "--since", ids[0], "-n", "2")
    assert [note["title"] for note in again.prints(2)] == ["2", "3"]  # as asked


@pytest.mark.fault(44)
def test_two_listeners_of_one_name_exclude_each_other(home: Home, server: Server):
    home.listen("--name", "desk")
    second = home.within("listen", "--name", "desk")
    assert second.returncode == 2
    assert "a listener named desk runs already" in second.stderr
    third = home.within("listen", "--name", "other", "-n1", "--timeout", "1")
    assert third.returncode == 3


@pytest.mark.fault(45)
def test_a_state_folder_that_cannot_be_written_costs_one_warning(home, server):
    (home.path / ".local").write_text("a file where a folder should be")
    listener = home.listen("--name", "desk", "-n", "2", "--exec", hook(home, RECORD))
    server.notify(1, 2)
    assert listener.wait() == 0
    assert [note["title"] for note, _ in got(home)] == ["1", "2"]
    assert listener.err.text.count("cannot keep the queue") == 1
    assert "using memory only" in listener.err.text


@pytest.mark.fault(45)
def test_a_disk_that_fills_up_costs_one_warning(home: Home, server: Server):
    import resource

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    args = ("listen", "--name", "desk", "--exec", "true", "-n", "40", "--json")
    env = home.env | NO_BYTECODE
    listener = Running(*args, env=env, cwd=home.path, preexec_fn=little_room)
    try:
        listener.says("Connected")
        for n in range(40):
            server.dev("notify", {"type": "t", "title": str(n), "message": "x" * 20000})
        assert listener.wait() == 0, listener.err.text
        titles = [json.loads(line)["title"] for line in listener.out.lines]
        assert titles == [str(n) for n in range(40)]
        assert listener.err.text.count("using memory only") == 1
    finally:
        listener.stop()


@pytest.mark.fault(43)
def test_a_queue_that_reaches_its_limit_is_said_as_a_gap(home: Home, server: Server):
    home.env |= {"NOTIFYWS_QUEUE_DISK": "10000", "NOTIFYWS_HAND_ON_DELAYS": "0.05"}
    listener = home.listen("--events", "--exec", "sleep 0.2", "-n", "15")
    for n in range(15):
        server.dev("notify", {"type": "t", "title": str(n), "message": "x" * 2000})
    assert listener.wait(40) == 0
    lines = [json.loads(line) for line in listener.out.lines]
    assert [x["title"] for x in lines if "type" in x] == [str(n) for n in range(15)]
    assert "exec is too slow" in listener.err.text
    assert "were not handed to exec" in listener.err.text
