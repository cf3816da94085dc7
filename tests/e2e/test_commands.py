"""Every command against a development server, as a user types them."""

from __future__ import annotations

import array
import fcntl
import json
import os
import signal
import subprocess
import termios
import time
from datetime import datetime

import pytest

from notifyws.cli.token import FIELDS
from tests.e2e.support import COMMAND, until
from tests.support.examining import NAMES
from tests.support.httpd import Peer, in_a_thread, json_answer


def test_auth_logs_in_and_remembers_everything_but_the_password(home, server):
    done = home.run("auth", "login", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "userId": "42",
        "username": "demo",
        "server": server.url,
        "profile": "default",
        "accessExpiresIn": 900,
        "refreshExpiresIn": 604800,
        "cache": "sqlite",
    }
    del home.env["WEBSOCKET_SERVER_URL"]
    del home.env["WEBSOCKET_USERNAME"]
    home.env["NOTIFYWS_KEYRING"] = "false"
    del home.env["WEBSOCKET_PASSWORD"]
    again = json.loads(home.within("auth", "whoami", "--json").stdout)
    assert again.items() <= json.loads(done.stdout).items()
    assert list(again) == ["userId", "username", "server", "profile"]
    remembered = next(home.path.rglob("login.json"))
    assert "password" not in remembered.read_text()
    assert remembered.stat().st_mode & 0o777 == 0o600


def test_without_a_terminal_nobody_is_asked_for_a_password(home, server):
    home.env["NOTIFYWS_KEYRING"] = "false"
    del home.env["WEBSOCKET_PASSWORD"]
    done = home.within("auth", "login")
    assert done.returncode == 2
    assert "hint: set WEBSOCKET_PASSWORD" in done.stderr


def test_token_prints_the_cached_token_and_a_newline(home, server):
    first = home.run("token")
    second = home.within("token")
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert first.stdout.count("\n") == 1
    assert server.stats["logins"] == 1


def test_token_refresh_gets_another_one_by_refreshing(home, server):
    first = home.within("token").stdout
    forced = home.within("token", "--refresh")
    assert forced.returncode == 0
    assert forced.stdout != first
    assert home.within("token").stdout == forced.stdout
    assert (server.stats["logins"], server.stats["refreshes"]) == (1, 1)


def test_token_json_tells_its_own_remaining_life(home, server):
    sources = [json.loads(home.within("token", "--json").stdout) for _ in range(2)]
    assert [s["source"] for s in sources] == ["login", "cache"]
    for each in sources:
        assert set(each) == set(FIELDS)
        assert 890 <= each["expiresIn"] <= 900
        end = datetime.fromisoformat(each["expiresAt"]).timestamp()
        assert abs(end - time.time() - each["expiresIn"]) < 3


def test_token_clear_empties_the_cache_and_prints_nothing(home, server):
    home.within("token")
    done = home.within("token", "--clear")
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(home.within("token", "--json").stdout)["source"] == "login"


def test_logout_tells_the_server_and_empties_the_cache(home, server):
    home.within("auth")
    assert home.within("auth", "logout").returncode == 0
    assert server.stats["logouts"] == 1
    state = json.loads(home.within("status", "--json").stdout)
    assert state["tokens"]["access"] == {"cached": False, "expiresIn": None}
    assert not list(home.path.rglob("login.json"))


def test_status_shows_where_values_come_from_and_masks_secrets(home, server):
    home.within("auth")
    done = home.within("status", "-v")
    assert done.returncode == 0
    assert f"server        {server.url}  [WEBSOCKET_SERVER_URL in " in done.stdout
    assert "password = set" in done.stdout
    assert " demo\n" not in done.stdout


def test_status_check_json_passes_layer_by_layer(home, server):
    done = home.run("status", "--check", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True)
    outcome = {check["name"]: check["status"] for check in report["checks"]}
    assert outcome == dict.fromkeys(NAMES, "pass") | {"tls": "skip"}
    assert 880 <= report["tokens"]["access"]["expiresIn"] <= 900
    assert report["server"]["source"] == "WEBSOCKET_SERVER_URL in the environment"


def test_a_sent_message_appears_in_a_listener_within_100_ms(home, server):
    listener = home.listen("--json")
    sent = home.start(
        *("send", "--type", "trip_update", "--title", "T", "--message", "M", "--json")
    )
    (seen,) = listener.prints(1)
    assert (seen["type"], seen["title"], seen["message"]) == ("trip_update", "T", "M")
    assert sent.wait() == 0
    assert json.loads(sent.out.text) == {"status": "delivered", "type": "trip_update"}
    for number in range(4):
        server.notify(number)
    took = sorted(map(latency, listener.prints(5), listener.out.times))
    assert took[2] < 0.1, took


def latency(seen: dict, read_at: float) -> float:
    """Return the seconds from the server's stamp to the reader's."""
    stamped = datetime.fromisoformat(seen["timestamp"]).timestamp()
    return time.time() - (time.monotonic() - read_at) - stamped


def test_lines_are_sent_in_order_with_a_result_each_and_6_if_one_is_rejected(
    home, server
):
    listener = home.listen("--json")
    lines = [{"type": f"t{n}", "id": f"{n}", "payload": {"n": n}} for n in range(1200)]
    lines.append({"type": "bad", "id": "bad", "payload": {"title": 5}})
    stdin = "\n".join(map(json.dumps, lines))
    done = home.run("send", "--lines", "--json", stdin=stdin)
    assert done.returncode == 6
    *results, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["type"] for r in results] == [f"t{n}" for n in range(1200)]
    assert {r["status"] for r in results} == {"delivered"}
    assert (last["id"], last["status"]) == ("bad", "rejected")
    assert json.loads(done.stderr.splitlines()[-1])["error"]["kind"] == "rejected"
    assert [s["data"]["n"] for s in listener.prints(1200)] == list(range(1200))


def test_lines_are_read_whole_whatever_ends_or_begins_them(home, server):
    title = "é" * 100_000
    lines = [
        '\ufeff{"type":"a"}\r\n',
        " \n",
        f'{{"type":"b","payload":{{"title":"{title}"}}}}\n',
        '\ufeff{"type":"c"}\n',
        '{"type":"d"}\nno message',
    ]
    done = home.run("send", "--lines", "--dry-run", stdin="".join(lines))
    frames = [json.loads(line) for line in done.stdout.splitlines()]
    assert [frame["type"] for frame in frames] == ["a", "b", "c", "d"]
    assert frames[1]["payload"]["title"] == title
    assert done.stderr.startswith("error: line 6: not JSON")
    assert server.stats["received"] == 0


def test_dry_run_prints_the_frame_and_sends_nothing(home, server):
    done = home.within("send", "--sample", "-t", "trip_update", "extra:=1", "--dry-run")
    frame = json.loads(done.stdout)
    assert frame["type"] == "trip_update"
    assert frame["payload"]["link"] == "/trips/123"
    assert frame["payload"]["extra"] == 1
    assert server.stats["connections"] == 0


def test_events_stand_among_the_lines_in_their_order(home, server):
    listener = home.listen("--json", "--events")
    server.notify(1)
    server.dev("cut", {"code": 4001, "reason": "why not"})
    listener.says("Connected", times=2)
    server.notify(2)
    listener.prints(8)
    listener.end()
    names = [line.get("event") or line["type"] for line in listener.prints(10)]
    connected = ["connecting", "connected", "t", "disconnected"]
    assert names == [*connected, "reconnecting", *connected, "closed"]
    lost = json.loads(listener.out.lines[3])
    assert (lost["code"], lost["reason"]) == (4001, "why not")


def test_filters_until_count_and_tee_work_together(home, server):
    listener = home.listen(
        *("--json", "-t", "t", "--filter", "title != '2'", "-n", "3", "--tee", "f")
    )
    server.notify(1, 2, 3, 4, 5)
    assert listener.wait() == 0
    titles = [each["title"] for each in listener.said]
    assert titles == ["1", "3", "4"]
    file = home.path / "f"
    assert file.read_text() == listener.out.text + "\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_raw_passes_frames_on_as_they_came(home, server):
    listener = home.listen("--raw", "-n", "1")
    server.dev("raw", {"text": "no json at all"})
    server.dev("raw", {"text": '{ "type" : "t" }'})
    assert listener.wait() == 0
    assert listener.out.lines == ["no json at all", '{ "type" : "t" }']


@pytest.mark.parametrize(
    ("since", "field", "after"), [("0", "id", "t 2"), ("1h", "timestamp", "t 1")]
)
def test_since_begins_after_an_id_or_at_a_time_and_shapes_are_lines(
    home, server, since, field, after
):
    for number in range(3):
        server.notify(number)
    first = home.within("listen", "--since", since, "--query", field, "-n", "3")
    assert first.returncode == 0
    shaped = ("--format", "{type} {title}", "-n", "1")
    later = home.within("listen", "--since", first.stdout.split("\n")[1], *shaped)
    assert (later.returncode, later.stdout) == (0, f"{after}\n")


@pytest.mark.slow
def test_a_logout_that_could_not_empty_the_cache_says_so(home, server, clean_valkey):
    home.env["REDIS_URL"] = clean_valkey.url
    home.within("auth")
    clean_valkey.freeze()
    for command in (("auth", "logout"), ("token", "--clear")):
        done = home.within(*command)
        assert done.returncode == 5
        assert "the tokens are still in redis://" in done.stderr
    clean_valkey.thaw()


def test_a_logout_elsewhere_leaves_the_remembered_login(home, server):
    home.within("auth")
    home.within("auth", "logout", "--url", "ws://127.0.0.1:1")
    assert list(home.path.rglob("login.json"))


def test_a_home_that_is_no_folder_is_survived(home, server):
    done = home.within("token", env={"HOME": "/dev/null"})
    assert done.returncode == 0
    assert done.stderr.count("warning:") == 1


def test_lines_say_that_stdin_is_read_after_a_second(home, server):
    typed = home.start("send", "--lines", stdin=subprocess.PIPE)
    typed.says("Reading messages from stdin")
    typed.process.stdin.write('{"type":"t"}\n')
    assert typed.wait(10) == 0


def test_lines_are_answered_one_by_one_while_stdin_stays_open(home, server):
    talking = home.start("send", "--lines", "--json", "-q", stdin=subprocess.PIPE)

    def answer(kind: str, number: int) -> dict:
        talking.process.stdin.write(f'{{"type":"{kind}"}}\n')
        talking.process.stdin.flush()
        return talking.prints(number)[-1]

    for number in range(3):
        kind = f"t{number}"
        assert answer(kind, number + 1) == {"status": "delivered", "type": kind}
    server.dev("cut", {})
    until(lambda: server.stats["live"] == 0, "the cut")
    assert answer("late", 4)["status"] == "unknown"
    assert talking.wait(10) == 6


@pytest.mark.slow
def test_results_that_nobody_reads_end_it_quietly(home, server):
    (home.path / "lines").write_text('{"type":"t"}\n' * 5000)
    done = home.shell(
        "notifyws send --lines --json < lines | head -1; echo ${PIPESTATUS[0]}"
    )
    assert done.stdout.splitlines()[1] == "0"
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_on_a_terminal_the_bar_is_gone_at_the_end(home, server, terminal):
    line = '{"type":"t","payload":{"n":1}}\n'
    lines = home.path / "lines.jsonl"
    lines.write_text(line * 3000 + '{"type":"t","id":"b","payload":{"title":5}}\n')
    send = f"{COMMAND} send --lines < lines.jsonl > /dev/null"
    bar = terminal("-c", send, columns=120, program=["bash"])
    assert bar.wait() == 6
    assert b"%" in bar.raw
    assert b"\x1b[?25" not in bar.raw  # a cursor that is never hidden
    shown = [text.rstrip() for text in bar.screen.display if text.strip()]
    assert shown[0].startswith("rejected: t b ")
    assert shown[1].startswith("Delivered 3000 of 3001")
    assert shown[2].startswith("error: 1 of 3001 messages were not taken")


@pytest.mark.slow
def test_results_that_nobody_reads_keep_no_ctrl_c_waiting(home, server):
    (home.path / "lines").write_text('{"type":"t","payload":{"n":1}}\n' * 20_000)
    unread, results = os.pipe()
    with (home.path / "lines").open() as given:
        piped = {"stdin": given, "stdout": results}
        sending = home.start("send", "--lines", "--json", **piped)
    os.close(results)
    until(lambda: _waiting(unread) > 60_000, "a pipe that is full")
    assert sending.end(signal.SIGINT) == -signal.SIGINT
    os.close(unread)


def _waiting(descriptor: int) -> int:
    """Return how many bytes are there to read."""
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


POSTING = """
name = "posting"
[send.http]
path = "/send"
body = { text = "{payload.message}" }
[socket]
token_in = "header"
header = "Authorization"
token = "Bearer {access_token}"
[[rules]]
then = "notification"
"""


@pytest.mark.slow
def test_a_post_that_is_never_answered_leaves_no_other_in_doubt(home):
    async def story(peer: Peer) -> None:
        if (await peer.request()).json == {"text": "2"}:
            await peer.hang()
        await peer.write(json_answer({}))

    (home.path / "posting.toml").write_text(POSTING)
    lines = [
        json.dumps({"type": "t", "payload": {"message": str(n)}}) for n in range(6)
    ]
    told = ["--json", "--timeout", "1", "--profile", "./posting.toml"]
    with in_a_thread(story) as there:
        env = {"WEBSOCKET_SERVER_URL": there.url, "NOTIFYWS_TOKEN": "ready-made"}
        done = home.run("send", "--lines", *told, stdin="\n".join(lines), env=env)
    said = [json.loads(line)["status"] for line in done.stdout.splitlines()]
    assert said == ["delivered"] * 2 + ["unknown"] + ["delivered"] * 3


def test_status_says_when_nobody_is_logged_in_and_nothing_is_left_to_log_in_with(
    home, server
):
    home.env["NOTIFYWS_KEYRING"] = "false"
    del home.env["WEBSOCKET_PASSWORD"]
    told = home.within("status")
    assert told.returncode == 0
    assert "Not quite well: not logged in to http://127.0.0.1" in told.stdout
    assert "notifyws auth login" in told.stdout
    login = home.within("auth", "login", "--password-stdin", stdin="demo")
    assert login.returncode == 0
    assert "All is well" in home.within("status").stdout
    home.within("auth", "logout")
    assert "not logged in" in home.within("status").stdout
    assert (
        "not logged in" not in home.within("status", env={"NOTIFYWS_TOKEN": "t"}).stdout
    )


def test_status_says_which_variable_is_mistyped(home, server):
    told = home.within("status", env={"NOTIFYWS_PING_INTERVL": "3"})
    assert "NOTIFYWS_PING_INTERVL in the environment is no setting" in told.stdout
    assert "is it NOTIFYWS_PING_INTERVAL?" in told.stdout
