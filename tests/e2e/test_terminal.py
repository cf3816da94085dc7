"""The live view and the prompts, in a real terminal."""

from __future__ import annotations

import re
import signal
import termios
from pathlib import Path

import pytest

from tests.e2e.support import COMMAND, until
from tests.e2e.terminal import Terminal
from tests.support.catalogue import sample


def shell(home, terminal, **options) -> Terminal:
    path = f"{Path(COMMAND).parent}:{home.env['PATH']}"
    program = ("bash", "--norc", "--noprofile", "-i")
    return terminal(program=program, PATH=path, PS1="$ ", **options)


def test_the_live_view_shows_cards_and_one_footer_line(server, terminal):
    live = terminal("listen", columns=100)
    live.shows("Connected")
    server.dev(
        "notify",
        {"type": "trip_update", "title": "Trip Started", "message": "Off we go"},
    )
    live.shows("Off we go")
    live.shows("1 received")
    lines = live.text.split("\n")
    assert re.search(r"\d\d:\d\d:\d\d .*Trip Started", live.text)
    assert "View Trip" in live.text
    assert re.search(
        rf"127.0.0.1:{server.port} · user 42 · 1 received · up 00:00:\d\d · token 14:",
        lines[-1],
    )
    assert live.text.count("Connected") == 1


def test_it_begins_with_connecting_and_never_claims_otherwise(server, terminal):
    live = terminal("listen")
    live.shows("Connected")
    footers = re.findall("(Connecting|Disconnected|Connected)", live.raw.decode())
    assert footers[0] == "Connecting"
    assert "Disconnected" not in footers


def test_ctrl_c_leaves_the_terminal_as_it_was_and_closes_with_1000(server, terminal):
    live = terminal("listen")
    live.shows("Connected")
    server.notify(1)
    live.shows("1 received")
    live.type("\x03")
    assert live.wait() == -signal.SIGINT
    assert termios.tcgetattr(live.slave) == live.before
    assert not live.screen.cursor.hidden
    assert "received" not in live.text
    assert live.screen.cursor.x == 0
    assert b"\x1b[?1049" not in live.raw
    until(lambda: server.stats["closes"], "a close")
    assert server.stats["closes"][-1]["code"] == 1000


@pytest.mark.parametrize("columns", [40, 200])
def test_it_reads_well_narrow_and_wide(server, terminal, columns):
    live = terminal("listen", columns=columns, NO_COLOR="1")
    live.shows("Connected")
    words = "one two three four five six seven eight nine ten eleven twelve"
    server.dev("notify", {"type": "t", "title": "Long", "message": words})
    live.shows("1 received" if columns > 40 else "twelve")
    assert " ".join(live.text.split()).count(words) == 1
    assert not re.search(rb"\x1b\[[\d;]+m", live.raw.replace(b"\x1b[0m", b""))


@pytest.mark.slow
def test_the_footer_counts_down_while_it_reconnects(process, terminal):
    live = terminal("listen", NOTIFYWS_JITTER="0")
    live.shows("Connected")
    process.signal(signal.SIGKILL)
    live.shows("Reconnecting in")
    live.shows("(attempt 3)")
    shown = set()
    until(lambda: shown.add(live.text.split("\n")[-1]) or len(shown) >= 3, "a count")


def test_an_authentication_failure_ends_it_with_a_sentence(server, terminal):
    live = terminal("listen", WEBSOCKET_PASSWORD="wrong")
    assert live.wait() == 4
    assert "error: " in live.text
    assert b"\x1b[1;31merror:\x1b[0m " in live.raw
    assert b"\x1b[1;36mhint:\x1b[0m " in live.raw
    assert not live.screen.cursor.hidden


def test_a_password_is_asked_for_and_not_shown(server, home, terminal):
    del home.env["WEBSOCKET_PASSWORD"]
    asking = terminal("auth", "login")
    asking.asks_hidden("Password for demo at 127.0.0.1")
    asking.type("demo\n")
    assert asking.wait() == 0
    assert "Logged in" in asking.text
    assert b"demo\r\n" not in asking.raw.partition(b"Password for demo")[2][:40]
    assert server.stats["logins"] == 1


def test_ctrl_c_at_a_prompt_is_130_for_a_shell(server, home, terminal):
    del home.env["WEBSOCKET_PASSWORD"]
    asking = terminal("auth", "login")
    asking.shows("Password")
    asking.type("\x03")
    assert asking.wait() == -signal.SIGINT
    assert "Traceback" not in asking.text


def test_send_asks_for_type_title_and_message_and_enter_keeps(server, home, terminal):
    listener = home.listen("--json", "-n", "1")
    asking = terminal("send")
    asking.shows("Type [notification]:")
    asking.type("trip_update\n")
    asking.shows("Title [Trip Started]:")
    asking.type("\n")
    asking.shows("Message [Your driver has started the trip]:")
    asking.type("Off we go\n")
    assert asking.wait() == 0
    (seen,) = listener.prints(1)
    assert seen["type"] == "trip_update"
    assert (seen["title"], seen["message"]) == ("Trip Started", "Off we go")


def test_send_asks_for_no_type_that_is_given_and_sends_nothing_empty(server, terminal):
    asking = terminal("send", "-t", "note")
    asking.shows("Title:")
    asking.type("\n")
    asking.shows("Message:")
    asking.type("\n")
    assert asking.wait() == 2
    assert "an empty message is not sent" in asking.text
    assert "Type" not in asking.text


def test_the_demo_needs_nothing_but_a_terminal(terminal):
    demo = terminal("listen", "--demo")
    demo.shows("Trip Started")
    demo.shows("2 received")
    (said,) = [line for line in demo.text.splitlines() if "Try next" in line]
    assert re.fullmatch(
        r"Try next: \? for keys, http://127.0.0.1:\d+/ to send one, .*login .*", said
    )
    demo.type("\x03")
    assert demo.wait() == -signal.SIGINT


def test_keys_steer_the_live_view(server, home, terminal):
    browser = home.path / "browser"
    browser.write_text(f"#!/bin/sh\necho $1 > {home.path}/opened\n")
    browser.chmod(0o755)
    live = terminal("listen", columns=110, BROWSER=str(browser))
    live.shows("Connected")
    until(lambda: live.reads_by_key, "keys")
    live.type("?")
    live.shows("p pause or resume")
    live.type("p")
    live.shows("paused")
    server.dev(
        "notify", {"type": "trip_update", "title": "CachedTokens", "data": {"a": 1}}
    )
    live.shows("paused, 1 waiting")
    assert "CachedTokens" not in live.text
    live.type("d")
    live.shows("data on")
    live.type("p")
    live.shows('{"a": 1}')
    live.type("/title == '2'\r")
    live.shows("Connected  /title == '2'")
    server.notify(1, 2)
    live.shows("• 2")
    live.shows("(1 hidden)")
    assert "• 1" not in live.text
    live.type("o")
    opened = home.path / "opened"
    until(lambda: opened.exists() and opened.read_text(), "a browser")
    assert opened.read_text() == f"http://127.0.0.1:{server.port}/trips\n"
    live.type("q")
    assert live.wait() == 0
    assert live.modes == live.before
    assert not live.screen.cursor.hidden
    assert "received" not in live.text
    until(lambda: server.stats["closes"], "a close")
    assert server.stats["closes"][-1]["code"] == 1000


@pytest.mark.parametrize("key", sample("\x03", "\x1c"))
def test_whatever_ends_it_the_terminal_is_given_back(process, terminal, key):
    live = terminal("listen", "--exec", "sleep 20", NOTIFYWS_CLOSE_TIMEOUT="30")
    live.shows("Connected")
    until(lambda: live.reads_by_key, "keys")
    process.notify(1)
    live.shows("1 received")
    process.signal(signal.SIGSTOP)
    until(lambda: live.type(key) or live.process.poll() is not None, "its end")
    assert -live.wait() == {"\x03": signal.SIGINT, "\x1c": signal.SIGQUIT}[key]
    assert live.modes == live.before
    assert not live.screen.cursor.hidden


@pytest.mark.slow
def test_below_a_parent_of_the_same_job_it_stops_and_goes_on_too(
    server, home, terminal
):
    bash = shell(home, terminal, columns=100)
    bash.type("sh -c 'notifyws listen; exit $?'\n")
    bash.shows("Connected")
    until(lambda: bash.reads_by_key, "keys")
    for turn in (1, 2):
        bash.type("\x1a")
        until(lambda n=turn: bash.text.count("Stopped") == n, "a stop")
        bash.type("bg\n")
        until(lambda n=turn: bash.text.count("]+ sh") == n, "the background")
        bash.type("fg\n")
        until(lambda: bash.footer.startswith("🟢"), "the footer")
        server.notify(turn)
        bash.shows(f"• {turn}")
    bash.type("q")
    until(lambda: not bash.footer.startswith("🟢"), "the end")


def test_ctrl_z_and_fg_leave_it_right(server, home, terminal):
    bash = shell(home, terminal, columns=100)
    bash.type("notifyws listen\n")
    bash.shows("Connected")
    until(lambda: bash.reads_by_key, "keys")
    bash.type("\x1a")
    bash.shows("Stopped")
    assert not bash.screen.cursor.hidden
    assert "received" not in bash.text
    bash.type("echo aw''ake\n")
    bash.shows("awake")
    bash.type("fg\n")
    bash.shows("Connected")
    server.notify(1)
    bash.shows("1 received")
    bash.type("\x1a")
    until(lambda: bash.text.count("Stopped") == 2, "a stop")
    bash.type("bg\n")
    server.notify(2)
    bash.shows("• 2")
    assert "received" not in bash.text
    bash.type("fg\n")
    bash.shows("2 received")
    bash.type("q")
    until(lambda: "received" not in bash.text, "the end")
    bash.type("echo code $?\n")
    bash.shows("code 0")


def test_a_resized_terminal_has_one_footer(server, terminal):
    live = terminal("listen", columns=100)
    live.shows("Connected")
    for columns in (50, 120, 40):
        live.resize(columns)
        until(lambda: live.text.count("Connected") == 1, "one footer")
    server.notify(1)
    live.shows("1 received")
    assert live.text.count("🟢") == 1


def test_no_key_is_read_where_stdin_is_no_terminal(server, home, terminal):
    live = shell(home, terminal)
    live.type("printf 'qqq' | notifyws listen\n")
    live.shows("Connected")
    server.notify(1)
    live.shows("1 received")
    assert not live.reads_by_key


def test_what_a_hook_prints_stands_above_the_footer_and_not_in_it(server, terminal):
    hook = "sh -c 'echo said by the hook'"
    screen = terminal("listen", "--exec", hook, columns=90, rows=12)
    screen.shows("Connected")
    for number in range(12):
        server.notify(number)
    screen.shows("• 11")
    said = "said by the hook"
    until(lambda: screen.text.splitlines().count(said) > 3, "the hook's words")
    screen.shows("12 received")
    lines = screen.text.splitlines()
    assert lines[-1].startswith("🟢 Connected")
    assert sum("Connected" in line for line in lines) == 1
    assert {line for line in lines if "hook" in line} == {said}
