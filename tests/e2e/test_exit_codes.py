"""How it ends: every exit code by a real run, signals, pipes, and wrong input."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time

import pytest

from tests.e2e.support import COMMAND, Home, until


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_2_for_no_server_with_a_hint(home):
    done = home.run("listen")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: no server is configured\n"
        "hint: notifyws auth login --save, or set WEBSOCKET_SERVER_URL; "
        "to try it: notifyws listen --demo\n"
    )


WRONG = {
    "an http URL": (["token", "--url", "http://h/x"], "hint: use ws://h/x"),
    "an https URL": (["token", "--url", "https://h/x"], "hint: use wss://h/x"),
    "no URL at all": (["token", "--url", "nonsense"], "not a WebSocket URL"),
    "an unknown profile": (
        ["listen", "--url", "ws://h", "--profile", "defualt"],
        "did you mean default?",
    ),
    "a filter": (["listen", "--demo", "--filter", "a =="], "not a JMESPath expr"),
    "an until": (["listen", "--demo", "--until", "]["], "--until is not"),
    "a count of 0": (["listen", "--demo", "--count", "0"], "must be 1 or more"),
    "a negative timeout": (["listen", "--demo", "--timeout", "-1"], "more than 0"),
    "two forms": (["listen", "--demo", "--plain", "--raw"], "exclude each other"),
    "an unwritable tee": (
        ["listen", "--demo", "--tee", "/nowhere/at/all"],
        "cannot append to /nowhere/at/all",
    ),
    "a tee that is a folder": (["listen", "--demo", "--tee", "."], "cannot append"),
    "an unknown option": (["listen", "--nonsense"], "hint: notifyws listen --help"),
    "an unknown command": (["lisen"], "lisen"),
    "an unknown server": (["listen", "--server", "work"], "no server 'work'"),
    "a missing env file": (["token", "--env-file", "none"], "there is no file none"),
    "a pair that is none": (["send", "--url", "ws://h", "hello"], "is no pair"),
    "a := that is no JSON": (["send", "--url", "ws://h", "a:=b"], "a:= is not JSON"),
    "a broken payload": (["send", "--url", "ws://h", "--payload", "{"], "--payload is"),
    "a wait with --lines": (["send", "--wait", "x", "--lines"], "exclude each other"),
    "a wait with --dry-run": (
        ["send", "-m", "x", "--wait", "x", "--dry-run"],
        "--wait and --dry-run exclude each other",
    ),
    "a query with --events": (["listen", "--query", "x", "--events"], "exclude"),
    "a server that cannot replay": (
        ["listen", "--url", "ws://h", "--profile", "pusher", "--since", "1h"],
        "profile pusher cannot replay",
    ),
    "an unknown sample": (["send", "--sample", "-t", "x"], "there is no sample"),
    "a bad --user": (["serve", "--user", "me"], "has no password"),
    "a bad port": (["serve", "--port", "70000"], "70000 is not a port"),
    "a bad cache URL": (
        ["token", "--url", "ws://h"],
        "no URL of a token cache",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_a_sentence_and_exit_2(home: Home, what: str):
    args, words = WRONG[what]
    env = {"NOTIFYWS_CACHE_URL": "http://x"} if "cache URL" in what else {}
    done = home.run(*args, env=env)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert words in done.stderr
    assert done.stderr.startswith("error: ")
    assert "\nhint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_broken_files_are_a_sentence_and_exit_2(home):
    folder = home.path / ".config" / "notifyws"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[servers\n")
    done = home.run("listen")
    assert done.returncode == 2
    assert "config.toml is not valid TOML" in done.stderr
    (folder / "config.toml").unlink()
    (home.path / "own.toml").write_text('name = "own"\nrulez = []\n')
    done = home.run("listen", "--url", "ws://127.0.0.1:1", "--profile", "./own.toml")
    assert done.returncode == 2
    assert "own.toml" in done.stderr


def test_an_env_file_that_is_a_folder_is_a_sentence_and_exit_2(home):
    (home.path / ".env").mkdir()
    done = home.run("listen")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: cannot read .env: it is a folder, no regular file\nhint: "
    )


def test_an_env_file_of_a_strange_folder_gets_no_credentials(home, server):
    (home.path / ".env").write_text(f"WEBSOCKET_SERVER_URL={server.url}\n")
    env = {"WEBSOCKET_SERVER_URL": ""}
    done = home.run("token", env=env)
    assert done.returncode == 2
    assert "--env-file .env" in done.stderr
    assert server.stats["logins"] == server.stats["failedLogins"] == 0
    assert home.run("token", "--env-file", ".env", env=env).returncode == 0


def test_3_when_the_time_runs_out(home, server):
    listener = home.listen("--timeout", "2.5", "-t", "another")
    server.notify(1)
    assert listener.wait() == 3
    assert "2.5 s are over; 0 of 1 notifications passed" in listener.err.text
    assert "hint: check --type and --filter" in listener.err.text
    until(lambda: server.stats["closes"], "a clean close")
    assert server.stats["closes"][-1]["code"] == 1000


def test_4_for_a_wrong_password_and_it_is_tried_once(home, server):
    wrong = {"WEBSOCKET_PASSWORD": "wrong"}
    first = home.run("listen", env=wrong)
    second = home.run("token", "--json", env=wrong)
    assert (first.returncode, second.returncode) == (4, 4)
    error = json.loads(second.stderr)["error"]
    assert error["kind"] == "authentication_failed"
    assert set(error) == {"kind", "message", "hint"}
    assert server.stats["failedLogins"] == 1
    assert home.run("auth", "login", env=wrong).returncode == 4
    assert server.stats["failedLogins"] == 2
    assert home.run("token").returncode == 0


def test_5_when_nobody_listens_there(home):
    url = f"ws://127.0.0.1:{closed_port()}"
    env = {"WEBSOCKET_USERNAME": "a", "WEBSOCKET_PASSWORD": "b"}
    for command in (["token"], ["send", "-m", "x"], ["listen", "--no-reconnect"]):
        done = home.run(*command, "--url", url, env=env)
        assert done.returncode == 5, command
        assert "refused the connection" in done.stderr
        assert "Traceback" not in done.stderr


def test_status_check_names_the_layer_that_fails(home):
    url = f"ws://127.0.0.1:{closed_port()}"
    done = home.run("status", "--check", "--json", "--url", url)
    outcome = {c["name"]: c["status"] for c in json.loads(done.stdout)["checks"]}
    assert done.returncode == 5
    assert (outcome["tcp"], outcome["token"]) == ("fail", "skip")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_by_that_signal_after_a_clean_close(home, server, signum):
    listener = home.listen("--json")
    began = time.monotonic()
    listener.signal(signum)
    assert listener.wait() == -signum
    assert time.monotonic() - began < 2
    until(lambda: server.stats["closes"], "a close")
    assert server.stats["closes"][-1]["code"] == 1000
    assert "Traceback" not in listener.err.text


def test_a_shell_sees_130_and_143(home, server):
    for signum, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        context = f"trap : INT; {COMMAND} listen --json --timeout 20; exit $?"
        shell = subprocess.Popen(
            ["bash", "-c", context],
            env=home.env,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            cwd=home.path,
        )
        with shell:
            assert shell.stderr is not None
            until(lambda s=shell: "Connected" in s.stderr.readline(), "a connection")
            (child,) = children(shell.pid)
            os.kill(child, signum)
            assert shell.wait(10) == code


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def test_a_second_signal_forces(home, process):
    listener = home.listen("--json")
    process.signal(signal.SIGSTOP)
    listener.signal(signal.SIGTERM)
    time.sleep(0.2)
    listener.signal(signal.SIGTERM)
    began = time.monotonic()
    assert listener.wait() == -signal.SIGTERM
    assert time.monotonic() - began < 1


def test_against_a_frozen_server_one_signal_is_enough_within_2_s(home, process):
    listener = home.listen("--json")
    process.signal(signal.SIGSTOP)
    began = time.monotonic()
    listener.signal(signal.SIGINT)
    assert listener.wait() == -signal.SIGINT
    assert time.monotonic() - began < 2.5


def test_an_inherited_ignore_is_respected(home, server):
    listener = home.start("listen", "--json", "-n", "1", **{"PYTHONUNBUFFERED": "1"})
    listener.stop()
    nohup = subprocess.Popen(
        ["bash", "-c", f"trap '' HUP; exec {COMMAND} listen --json -n 1"],
        env=home.env,
        cwd=home.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with nohup:
        assert nohup.stderr is not None
        until(lambda: "Connected" in nohup.stderr.readline(), "a connection")
        nohup.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert nohup.poll() is None
        server.notify(1)
        assert nohup.wait(10) == 0


def test_head_ends_it_quietly_with_exit_0(home, server):
    context = f"{COMMAND} listen --json | head -1; echo ${{PIPESTATUS[0]}}"
    shell = subprocess.Popen(
        ["bash", "-c", context],
        env=home.env,
        cwd=home.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with shell:
        until(lambda: server.stats["live"], "a connection")
        server.notify(1)
        out, err = shell.communicate(timeout=15)
    line, code = out.splitlines()
    assert (json.loads(line)["title"], code) == ("1", "0")
    assert err.splitlines() == [
        f"Connecting to 127.0.0.1:{server.port}",
        f"Connected to 127.0.0.1:{server.port} as user 42",
    ]


@pytest.mark.parametrize(
    ("redirection", "code"), [("> /dev/full", 74), (">&-", 74), ("2>&-", 0)]
)
def test_output_that_cannot_be_written_is_74(home, server, redirection, code):
    for command in ("token", "listen --json -n 1 --since 0"):
        server.notify(1)
        context = f"{COMMAND} {command} {redirection}"
        done = subprocess.run(
            ["bash", "-c", context],
            env=home.env,
            cwd=home.path,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == code, (command, done.stderr)
        assert "Traceback" not in done.stderr


def test_1_for_a_bug_in_one_line_and_a_traceback_only_with_v(home):
    # A broken library is as good as a bug of ours.
    (home.path / "jmespath.py").write_text("raise RuntimeError('broken')\n")
    env = {"PYTHONPATH": str(home.path)}
    done = home.run("listen", "--demo", "--filter", "x", env=env)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: unexpected RuntimeError",
        "hint: run it again with -v and report what it prints",
    ]
    done = home.run("listen", "--demo", "--filter", "x", "-v", env=env)
    assert "Traceback" in done.stderr


def test_as_pid_1_it_exits_with_128_and_the_signal(home, server):
    """A signal of one's own does not kill PID 1, as in a container."""
    inside = ["unshare", "--pid", "--fork", "--kill-child"]
    can = subprocess.run([*inside, "true"], capture_output=True, check=False)
    if can.returncode != 0:
        pytest.skip("this machine lets nobody make PID namespaces")
    outside = subprocess.Popen(
        [*inside, COMMAND, "listen", "--json"],
        env=home.env,
        cwd=home.path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    with outside:
        assert outside.stderr is not None
        until(lambda: "Connected" in outside.stderr.readline(), "a connection")
        (first,) = children(outside.pid)
        os.kill(first, signal.SIGTERM)
        assert outside.wait(10) == 143
    until(lambda: server.stats["closes"], "a close")
    assert server.stats["closes"][-1]["code"] == 1000


def test_a_cache_of_a_strange_folder_gets_no_typed_password(home, server):
    (home.path / ".env").write_text("REDIS_URL=redis://127.0.0.1:1/0\n")
    env = {"WEBSOCKET_PASSWORD": ""}
    for stdin in (("auth", "login"), ("auth", "login", "--password-stdin")):
        done = home.run(*stdin, stdin="demo\n", env=env)
        assert done.returncode == 2
        assert "REDIS_URL comes from .env in this folder" in done.stderr
    assert server.stats["logins"] == 0


@pytest.mark.parametrize("command", ["send", "auth login --password-stdin"])
def test_ctrl_c_while_stdin_is_read_dies_by_the_signal(home, server, command):
    reading = subprocess.Popen(
        [COMMAND, *command.split()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**home.env, "WEBSOCKET_PASSWORD": ""},
        cwd=home.path,
    )
    with reading:
        time.sleep(1.2)
        reading.send_signal(signal.SIGINT)
        assert reading.wait(10) == -signal.SIGINT


def test_help_into_a_full_disk_is_74(home):
    done = subprocess.run(
        ["bash", "-c", f"{COMMAND} --help > /dev/full"],
        env=home.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 74, done.stderr


def test_a_proxy_in_use_is_named_at_v(home):
    url = f"ws://ws.invalid:{closed_port()}"
    proxy = f"127.0.0.1:{closed_port()}"
    env = {"HTTP_PROXY": f"http://me:secret@{proxy}", "NOTIFYWS_TOKEN": "x" * 8}
    env |= {"http_proxy": env["HTTP_PROXY"], "https_proxy": env["HTTP_PROXY"]}
    done = home.run("listen", "-v", "--no-reconnect", "--url", url, env=env)
    assert done.returncode == 5
    assert f"Through the proxy {proxy}\n" in done.stderr
    assert "secret" not in done.stderr
