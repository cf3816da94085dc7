"""How it ends: every exit code by a real run, signals, pipes, and wrong input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from tests.e2e.support import COMMAND, until
from tests.support.valkey import free_port


def test_2_for_no_server_with_a_hint(home):
    done = home.run("listen")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: no server is configured\n"
        "hint: notifyws auth login --save, or set WEBSOCKET_SERVER_URL; "
        "to try it: notifyws listen --demo\n"
    )


def test_an_env_file_of_a_strange_folder_gets_no_credentials(home, server):
    (home.path / ".env").write_text(f"WEBSOCKET_SERVER_URL={server.url}\n")
    env = {"WEBSOCKET_SERVER_URL": ""}
    done = home.within("token", env=env)
    assert done.returncode == 2
    assert "--env-file .env" in done.stderr
    assert server.stats["logins"] == server.stats["failedLogins"] == 0
    assert home.within("token", "--env-file", ".env", env=env).returncode == 0


def test_3_when_the_time_runs_out(home, server):
    listener = home.listen("--timeout", "2.5", "-t", "another")
    server.notify(1)
    assert listener.wait() == 3
    assert "2.5 s are over; 0 of 1 notifications passed" in listener.err.text
    assert "hint: check --type and --filter" in listener.err.text
    until(lambda: server.stats["closes"], "a clean close")
    assert server.stats["closes"][-1]["code"] == 1000


@pytest.mark.fault(31)
def test_4_for_a_wrong_password_and_it_is_tried_once(home, server):
    wrong = {"WEBSOCKET_PASSWORD": "wrong"}
    first = home.within("listen", env=wrong)
    second = home.within("token", "--json", env=wrong)
    assert (first.returncode, second.returncode) == (4, 4)
    error = json.loads(second.stderr)["error"]
    assert error["kind"] == "authentication_failed"
    assert set(error) == {"kind", "message", "hint"}
    assert server.stats["failedLogins"] == 1
    assert home.within("auth", "login", env=wrong).returncode == 4
    assert server.stats["failedLogins"] == 2
    assert home.within("token").returncode == 0


def test_5_when_nobody_listens_there(home):
    url = f"ws://127.0.0.1:{free_port()}"
    env = {"WEBSOCKET_USERNAME": "a", "WEBSOCKET_PASSWORD": "b"}
    for command in (["token"], ["send", "-m", "x"], ["listen", "--no-reconnect"]):
        done = home.within(*command, "--url", url, env=env)
        assert done.returncode == 5, command
        assert "refused the connection" in done.stderr
        assert "Traceback" not in done.stderr


def test_status_names_the_trouble_first_and_ends_with_the_code_of_its_layer(home):
    host = f"127.0.0.1:{free_port()}"
    done = home.within("status", "--check", "--url", f"ws://{host}")
    assert done.returncode == 5
    assert done.stdout.startswith(f"✖ Not well: {host} refused the ")
    assert "\n    why: " in done.stdout
    assert "\n    try: start the server, or correct the port" in done.stdout


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_by_that_signal_after_a_clean_close(home, server, signum):
    listener = home.listen("--json")
    began = time.monotonic()
    assert listener.end(signum) == -signum
    assert time.monotonic() - began < 2
    until(lambda: server.stats["closes"], "a close")
    assert server.stats["closes"][-1]["code"] == 1000
    assert "Traceback" not in listener.err.text


def test_a_shell_sees_130_and_143(home, server):
    for signum, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        text = f"trap : INT; {COMMAND} listen --json --timeout 20; exit $?"
        shell = home.start("-c", text, program=["bash"])
        shell.says("Connected")
        (child,) = children(shell.process.pid)
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
    assert listener.end(signal.SIGINT) == -signal.SIGINT
    assert time.monotonic() - began < 2.5


def test_an_inherited_ignore_is_respected(home, server):
    text = f"trap '' HUP; exec {COMMAND} listen --json -n 1"
    nohup = home.start("-c", text, program=["bash"])
    nohup.says("Connected")
    nohup.signal(signal.SIGHUP)
    time.sleep(0.3)
    assert nohup.process.poll() is None
    server.notify(1)
    assert nohup.wait(10) == 0


def test_head_ends_it_quietly_with_exit_0(home, server):
    text = f"{COMMAND} listen --json | head -1; echo ${{PIPESTATUS[0]}}"
    shell = home.start("-c", text, program=["bash"])
    until(lambda: server.stats["live"], "a connection")
    server.notify(1)
    assert shell.wait(15) == 0
    line, code = shell.out.lines
    assert (json.loads(line)["title"], code) == ("1", "0")
    assert shell.err.lines == [
        f"Connecting to 127.0.0.1:{server.port}",
        f"Connected to 127.0.0.1:{server.port} as user 42",
    ]


@pytest.mark.parametrize(
    ("redirection", "code"), [("> /dev/full", 74), (">&-", 74), ("2>&-", 0)]
)
def test_output_that_cannot_be_written_is_74(home, server, redirection, code):
    for command in ("token", "listen --json -n 1 --since 0"):
        server.notify(1)
        done = home.shell(f"notifyws {command} {redirection}")
        assert done.returncode == code, (command, done.stderr)
        assert "Traceback" not in done.stderr
    assert home.shell("notifyws --help > /dev/full").returncode == 74


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
    assert done.stderr.splitlines()[-1] == "hint: report what it prints"


def test_as_pid_1_it_exits_with_128_and_the_signal(home, server):
    """A signal of one's own does not kill PID 1, as in a container."""
    inside = ["unshare", "--pid", "--fork", "--kill-child"]
    if home.shell(f"{' '.join(inside)} true").returncode != 0:
        pytest.skip("this machine lets nobody make PID namespaces")
    outside = home.start("listen", "--json", program=[*inside, COMMAND])
    outside.says("Connected")
    (first,) = children(outside.process.pid)
    os.kill(first, signal.SIGTERM)
    assert outside.wait(10) == 143
    until(lambda: server.stats["closes"], "a close")
    assert server.stats["closes"][-1]["code"] == 1000


def test_a_cache_of_a_strange_folder_gets_no_typed_password(home, server):
    (home.path / ".env").write_text("REDIS_URL=redis://127.0.0.1:1/0\n")
    env = {"WEBSOCKET_PASSWORD": ""}
    for stdin in (("auth", "login"), ("auth", "login", "--password-stdin")):
        done = home.within(*stdin, stdin="demo\n", env=env)
        assert done.returncode == 2
        assert "REDIS_URL comes from .env in this folder" in done.stderr
    assert server.stats["logins"] == 0


@pytest.mark.parametrize("command", ["send", "auth login --password-stdin"])
def test_ctrl_c_while_stdin_is_read_dies_by_the_signal(home, server, command):
    typed = {"stdin": subprocess.PIPE, "WEBSOCKET_PASSWORD": ""}
    reading = home.start(*command.split(), **typed)
    time.sleep(1.2)
    reading.signal(signal.SIGINT)
    assert reading.wait(10) == -signal.SIGINT


def test_a_proxy_in_use_is_named_at_v(home):
    url = f"ws://ws.invalid:{free_port()}"
    proxy = f"127.0.0.1:{free_port()}"
    env = {"HTTP_PROXY": f"http://me:secret@{proxy}", "NOTIFYWS_TOKEN": "x" * 8}
    env |= {"http_proxy": env["HTTP_PROXY"], "https_proxy": env["HTTP_PROXY"]}
    done = home.within("listen", "-v", "--no-reconnect", "--url", url, env=env)
    assert done.returncode == 5
    assert f"Through the proxy {proxy}\n" in done.stderr
    assert "secret" not in done.stderr


def test_a_server_without_tls_is_said_to_be_one_by_whoever_logs_in(home, server):
    home.env["WEBSOCKET_SERVER_URL"] = server.url.replace("ws://", "wss://")
    done = home.within("auth", "login", "--password-stdin", stdin="demo")
    assert done.returncode == 5
    assert "does not speak TLS" in done.stderr
    assert "hint: is it ws:// instead of wss://?" in done.stderr
