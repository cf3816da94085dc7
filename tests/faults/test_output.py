"""Output: what remote text, odd terminals, secrets and permissions may do to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis

from tests.e2e.support import COMMAND, Home, Server, until
from tests.e2e.terminal import Terminal
from tests.faults.support import scripted
from tests.support.catalogue import sample
from tests.support.httpd import Peer, json_answer

ESCAPES = {
    "CSI": "\x1b[31;5m\x1b[2J\x1b[1;1H\x1b[?1049h",
    "OSC 0": "\x1b]0;owned\x07",
    "OSC 8": "\x1b]8;;http://evil.test/\x1b\\click\x1b]8;;\x1b\\",
    "OSC 52": "\x1b]52;c;b3duZWQ=\x07",
    "DCS": "\x1bP$q\x22p\x1b\\\x1bP1;1|17/6f\x1b\\",
    "APC": "\x1b_Gf=100;AAAA\x1b\\",
    "PM and SOS": "\x1b^pm\x1b\\\x1bXsos\x1b\\",
    "single": "\x1bc\x1b7\x1b(0\x1b#8\x1bN\x1b=",
    "C1": "\x9b2J\x9d0;owned\x9c\x90q\x9c\x9fapc\x9c\x85\x84\x8d",
    "endless": "\x1b]0;owned",
    "CR": "\rover\r\r\rwritten",
    "BS": "\b\b\b\b\b\b\b\b\b\bback",
    "DEL": "\x7f\x7f\x7f",
    "C0": "\x00\x05\x07\x0b\x0c\x0e\x0f\x11\x13\x1a\x1c",
    "bidi": "\u202egnp.exe\u202c\u2066x\u2069\u200e\u200f\u061c",
    "tags": "\U000e0001" + "".join(chr(0xE0000 + ord(c)) for c in "hidden"),
    "nested": "\x1b\x1b[[2J\x1b[\x1b[2J2J",
}
"""Family -> what a terminal would obey."""

EVIL = "\x1b[2m " + " ".join(ESCAPES.values()) + " fine"
OURS = re.compile(
    r"\x1b\\\x1b\[0m\x1b\[\?7h\r\x1b\[J|\x1b\[[0-9;]*m|\x1b\[\?25[lh]"
    r"|\x1b\[\?7[lh]|\x1b\[\?2026[lh]|\x1b\[\d*[ABCDGJK]"
    r"|\x1b\]8;[^;\x1b\x07]*;(?:https?://[!-~]+)?\x1b\\"
)
"""What the live view itself says to a terminal: colours, its footer, web links."""
OBEYED = re.compile(
    r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e"
    r"\u2066-\u2069\ud800-\udfff\U000e0000-\U000e0fff]"
)


def strays(data: bytes | str) -> list[str]:
    """Return what a terminal would obey and is not ours; CR only before LF or ours."""
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    return OBEYED.findall(OURS.sub("", text))


@pytest.fixture
def terminal(terminal: Callable[..., Terminal]) -> Callable[..., Terminal]:
    """The same, as large as most are."""
    return lambda *args, **how: terminal(*args, **{"columns": 100, "rows": 60, **how})


def unmoved(live: Terminal) -> bool:
    """Tell whether the terminal is as it was: no title, one screen, one charset."""
    screen = live.screen
    return not (screen.title or screen.icon_name) and screen.margins is None


@pytest.mark.fault(36)
@pytest.mark.parametrize("family", ESCAPES)
def test_no_family_of_escapes_reaches_the_eye_or_the_bytes(family, terminal):
    from notifyws.ui.sanitize import harmless, safe_frame

    evil = f"begin {ESCAPES[family]} end"
    assert strays(harmless(evil)) == strays(safe_frame(evil)) == []
    assert "\r" not in harmless(evil) + safe_frame(evil)
    assert harmless(evil).startswith("begin ")
    if family != "endless":
        assert harmless(evil).endswith(" end")


@pytest.mark.fault(36)
def test_a_terminal_shows_every_field_of_a_notification_as_text(server, terminal):
    live = terminal("listen", "-v")
    live.shows("Connected")
    for number, evil in enumerate(ESCAPES.values()):
        server.dev(
            "notify",
            {
                "type": f"t{evil}",
                "title": f"<T{number} {evil} T>",
                "message": f"<M{number}: {evil}",
                "link": f"/x{evil}",
                f"k{evil}": evil,
            },
        )
        live.shows(f"<M{number}:")
    live.shows(f"{len(ESCAPES)} received")
    live.type("\x03")
    assert live.wait() == -signal.SIGINT
    assert strays(live.raw) == []
    assert unmoved(live)
    assert f"<M{len(ESCAPES) - 1}:" in live.text


@pytest.mark.fault(36)
@pytest.mark.parametrize("form", sample("--raw", "--plain", "--json"))
def test_no_form_of_output_obeys_remote_text_on_a_terminal(server, terminal, form):
    live = terminal("listen", form, "-n", "1")
    live.shows("Connected")
    server.dev("notify", {"type": EVIL, "title": EVIL, "message": EVIL, "link": EVIL})
    assert live.wait() == 0
    assert strays(live.raw) == []
    assert unmoved(live)


@pytest.mark.fault(36)
def test_a_plain_line_in_a_pipe_is_one_line_of_text(home: Home, server: Server):
    listener = home.listen("--plain", "-n", "1")
    server.dev("notify", {"type": EVIL, "title": EVIL, "message": EVIL, "link": EVIL})
    assert listener.wait() == 0
    assert len(listener.out.lines) == 1
    assert strays(listener.out.text) == []


@pytest.mark.fault(36)
def test_a_line_of_json_is_ascii_and_holds_what_was_sent(home: Home, server: Server):
    listener = home.listen("-n", "1")
    server.dev("notify", {"type": "t", "title": EVIL})
    assert listener.wait() == 0
    (line,) = listener.out.lines
    assert strays(line) == []
    assert json.loads(line)["title"] == EVIL


@pytest.mark.fault(36)
def test_what_a_hook_prints_is_text(home: Home, server: Server, terminal):
    (home.path / "evil").write_text(EVIL + "\n", "utf-8")
    live = terminal("listen", "--exec", f"cat {home.path / 'evil'}", "-n", "1")
    live.shows("Connected")
    server.notify(1)
    assert live.wait() == 0
    assert "fine" in live.text
    assert strays(live.raw) == []
    assert unmoved(live)


@pytest.mark.fault(36)
@pytest.mark.slow
def test_a_close_reason_is_text(home: Home, server: Server, terminal):
    live = terminal("listen", NOTIFYWS_JITTER="0")
    live.shows("Connected")
    evils = ["\x1b]0;owned\x07", "\x9b2J\x9d0;x\x9c", "\r\b\x7f\u202e\U000e0041"]
    for number, evil in enumerate(evils):
        live.shows("Connected  127")
        server.dev("cut", {"code": 4000, "reason": f"because{number} {evil}"})
        live.shows(f"because{number}")
    live.type("\x03")
    live.wait()
    assert strays(live.raw) == []
    assert unmoved(live)


@pytest.mark.fault(36)
def test_a_line_of_two_megabytes_is_cut_and_said(home: Home, server: Server, terminal):
    live = terminal("listen", NOTIFYWS_MAX_SIZE=str(8 << 20))
    live.shows("Connected")
    server.dev(
        "notify", {"type": "t", "title": "T", "message": "\x1b[2J" + "x" * 2**21}
    )
    live.shows("characters more")
    assert len(live.raw) < 100_000
    assert strays(live.raw) == []


LITERAL = [
    "[red]not red[/red]",
    "[/]",
    "[link=http://evil.test]x[/link]",
    ":smile: :warning:",
    "a trailing backslash\\",
    "[bold\\",
    "\\[b]",
    "%s {0} {name!r} $HOME",
]


@pytest.mark.slow
@pytest.mark.fault(37)
@pytest.mark.parametrize("color", sample("1", ""), ids=["without", "in colour"])
def test_markup_and_emoji_codes_are_printed_as_they_came(server, terminal, color):
    live = terminal("listen", "-v", NO_COLOR=color)
    live.shows("Connected")
    for text in LITERAL:
        server.dev("notify", {"type": text, "title": text, "message": f"{text} again"})
        live.shows(f"{text} again")
    live.shows(f"{len(LITERAL)} received")
    for text in LITERAL:
        assert live.text.count(text) >= 2, text
    assert "\N{WARNING SIGN}" not in live.text


@pytest.mark.fault(37)
def test_markup_is_literal_where_talk_quotes_it(home: Home, server: Server):
    listener = home.listen(
        "--plain", "-n", "1", "--exec", "echo [red]:smile:[/red]\\\\"
    )
    server.dev("notify", {"type": "t", "title": LITERAL[0], "message": LITERAL[4]})
    assert listener.wait() == 0
    assert LITERAL[0] in listener.out.text
    assert listener.out.text.rstrip().endswith("backslash\\")
    assert "[red]:smile:[/red]\\" in listener.err.text


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "link",
    sample(
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "file:///etc/passwd",
        "data:text/html,<b>x",
        "vbscript:x",
        "ssh://host/x",
        "//evil.test\\@good.test/",
        "java\nscript:alert(1)",
        often=2,
    ),
)
def test_a_link_that_leads_nowhere_good_is_text(server, terminal, link):
    live = terminal("listen")
    live.shows("Connected")
    server.dev("notify", {"type": "t", "title": "T", "link": link})
    live.shows("1 received")
    assert b"\x1b]8;" not in live.raw


QUIET = {
    "a reader that leaves": ("{command} | head -1; exit ${{PIPESTATUS[0]}}", 0),
    "a closed stdout": ("{command} >&-", 74),
    "a full disk": ("{command} > /dev/full", 74),
    "a closed stderr": ("{command} 2>&-", 0),
    "a full disk for talk": ("{command} 2> /dev/full", 0),
    "everything closed": ("{command} <&- 2>&- >&-", 74),
}
WRITING = [
    "notifyws listen --json -n 1 --since 0",
    "notifyws listen --plain -n 1 --since 0",
    "notifyws token --json",
    "notifyws status",
    "notifyws --version",
]


@pytest.mark.fault(38)
@pytest.mark.slow
@pytest.mark.parametrize("what", sample(*QUIET, often=2))
def test_output_that_cannot_be_written_is_a_code_and_at_most_a_sentence(
    home: Home, server: Server, what: str
):
    line, code = QUIET[what]
    server.notify(1)
    jobs = [home.shell(line.format(command=command)) for command in WRITING]
    for command, done in zip(WRITING, jobs, strict=True):
        talk = done.stderr
        assert done.returncode == code, (command, talk)
        assert "Traceback" not in talk, command
        assert "Exception ignored" not in talk, command
        assert talk.count("error: ") <= 1, command
        assert strays(talk) == [], command
        assert "\x1b" not in done.stdout + done.stderr, command


@pytest.mark.fault(38)
@pytest.mark.slow
@pytest.mark.parametrize(
    "locale",
    sample(
        {"LANG": "C"},
        {"LC_ALL": "POSIX"},
        {"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LANG": "C", "PYTHONIOENCODING": "ascii"},
    ),
    ids=["LANG=C", "POSIX", "no UTF-8 mode", "ascii"],
)
def test_a_locale_without_letters_changes_no_data_and_breaks_nothing(
    home: Home, server: Server, locale
):
    server.dev("notify", {"type": "t", "title": "Größe 🙂 日本"})
    for form in ("--json", "--plain", "--raw"):
        command = f"notifyws listen {form} -n 1 --since 0 --exec 'echo é'"
        done = home.shell(command, **locale)
        assert done.returncode == 0, (form, done.stderr)
        assert "\x1b" not in done.stdout + done.stderr
        text = done.stdout
        if form == "--plain":  # for people: what the locale has no letter for is "?"
            assert re.search(r"Gr.{1,2}e", text)
        else:
            assert json.loads(text)["title"] == "Größe 🙂 日本"


@pytest.mark.fault(38)
@pytest.mark.parametrize("columns", sample(5, 1, 10))
def test_a_terminal_of_few_columns_is_no_trouble(server, terminal, columns):
    live = terminal("listen", "-n", "1", columns=columns)
    until(lambda: server.stats["live"], "a connection")
    server.dev("notify", {"type": "t", "title": "日本 wide", "message": EVIL})
    assert live.wait() == 0, live.text
    assert strays(live.raw) == []
    assert b"Traceback" not in live.raw
    assert not live.screen.cursor.hidden


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    "command", sample("listen -n 1", "listen --plain -n 1", "status")
)
@pytest.mark.parametrize("term", sample("dumb", ""))
def test_a_terminal_that_knows_no_escapes_gets_none(server, terminal, term, command):
    live = terminal(*command.split(), TERM=term)
    if command != "status":
        until(lambda: server.stats["live"], "a connection")
        server.dev("notify", {"type": "t", "title": "T", "link": "/x", "message": EVIL})
    assert live.wait() == 0
    assert b"\x1b" not in live.raw
    assert strays(live.raw) == []


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    "command", sample("listen -n 1", "listen --plain -n 1", "--help")
)
def test_no_color_means_no_colour(server, terminal, command):
    live = terminal(*command.split(), NO_COLOR="1")
    if "listen" in command:
        until(lambda: server.stats["live"], "a connection")
        server.dev("notify", {"type": "trip_update", "title": "T", "message": "M"})
    assert live.wait() == 0
    coded = re.findall(rb"\x1b\[([\d;]*)m", live.raw)
    assert not [code for code in coded if re.search(rb"(^|;)([349]\d|10\d)", code)]


@pytest.mark.fault(38)
@pytest.mark.slow
def test_no_terminal_means_no_escape_at_all(home: Home, server: Server):
    for command in ("--help", "listen --help", "status", "auth whoami", "profile list"):
        done = home.shell(f"notifyws {command}")
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout + done.stderr, command


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Return what below a folder is anybody's but its owner's."""
    return [
        f"{path.relative_to(folder)} {path.lstat().st_mode & 0o777:o}"
        for path in sorted(folder.rglob("*"))
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ]


@pytest.mark.fault(40)
@pytest.mark.slow
def test_whatever_a_command_writes_is_its_owners_alone(home, server, no_umask):
    home.env["NOTIFYWS_HAND_ON_DELAYS"] = "0.05"
    logged_in = home.within("auth", "login", "--password-stdin", stdin="demo\n")
    assert logged_in.returncode == 0, logged_in.stderr
    listener = home.listen(
        *("--name", "desk", "-n", "2", "--tee", "tee.jsonl", "--exec", "false")
    )
    server.notify(1, 2)
    during = open_to_others(home.path)
    assert listener.wait() == 0
    assert home.within("token", "--refresh").returncode == 0
    (letters,) = home.path.rglob("dead-letters/*.jsonl")
    home.within("listen", "--replay", str(letters), "--exec", "false")
    home.within("status", "--check")
    new = ("profile", "new", "own", "--login-path", "/l", "--sample", '{"a":1}')
    home.within(*new)
    kinds = {path.suffix or path.name for path in home.path.rglob("*")}
    assert {".db", ".json", ".jsonl"} <= kinds
    assert during == open_to_others(home.path) == []


@pytest.mark.slow
@pytest.mark.fault(36)
def test_a_status_shows_a_strange_setting_as_text(home: Home, server: Server):
    (home.path / ".env").write_text(
        "NEXT_PUBLIC_WEBSOCKET_SERVER_URL=ws://h/\x9b2J\u202e/a\n"
        "WEBSOCKET_SERVER_URL=ws://h/\x9d0;owned\x9c/a\n"
        "WEBSOCKET_USERNAME=a\x9b2J\nWEBSOCKET_PASSWORD=x\n",
        "utf-8",
    )
    bare = {f"WEBSOCKET_{name}": "" for name in ("SERVER_URL", "USERNAME", "PASSWORD")}
    for command in ("status", "status -v", "status --check", "listen --timeout 0.1"):
        done = home.within(*command.split(), env=bare)
        assert "h/" in done.stdout + done.stderr or "status" not in command
        assert strays(done.stdout + done.stderr) == [], command


@pytest.mark.fault(40)
def test_a_cache_file_that_was_open_is_closed_to_others(home, server, no_umask):
    file = home.path / "new/folder/tokens.db"
    home.env["NOTIFYWS_CACHE_URL"] = f"sqlite://{file}"
    assert home.within("token").returncode == 0
    file.chmod(0o666)
    assert home.within("token").returncode == 0
    assert open_to_others(home.path) == []


SENTINEL = "s3ntinel-Passw0rd%41"
CACHES = ("tokens.db", "tokens.db-wal", "tokens.db-shm")


@pytest.fixture
def guarded(home: Home) -> Iterator[Server]:
    """A server whose password can be looked for."""
    started = Server(users={"demo": SENTINEL})
    home.use(started)
    home.env["WEBSOCKET_PASSWORD"] = SENTINEL
    yield started
    home.leave()
    started.stop()


def secrets(home: Home) -> list[str]:
    """Return what nobody may see: the password, and every token in the cache."""
    kept = (home.path / ".cache/notifyws").glob("tokens.db*")
    data = b"".join(path.read_bytes() for path in kept).decode("latin-1")
    values = re.findall(r'"(?:value|token|accessToken)"\s*:\s*"([^"]{16,})"', data)
    tokens = {*values, *re.findall(r"ey[\w-]+\.[\w-]+\.[\w-]+", data)}
    assert tokens
    return [SENTINEL, quote(SENTINEL), *tokens]


def found(words: list[str], text: str) -> list[str]:
    return [word for word in words if word in text]


@pytest.mark.fault(39)
@pytest.mark.slow
def test_no_secret_is_printed_however_talkative_the_command(home, guarded):
    home.env["NOTIFYWS_HAND_ON_DELAYS"] = "0.05"
    said = home.within("token", "--refresh", "-vvv").stderr
    listener = home.listen("-vvv", "--events", "-n", "1", "--exec", "false")
    guarded.dev("revoke", {})
    guarded.dev("cut", {"code": 4401, "reason": "unauthorized"})
    listener.says("Connected", times=2)
    guarded.notify(1)
    assert listener.wait() == 0
    said += listener.out.text + listener.err.text
    for command in ("status --check -vvv", "status --json", "auth whoami -vvv"):
        done = home.within(*command.split())
        said += done.stdout + done.stderr
    words = secrets(home)
    done = home.within("send", "-m", "x", "-vvv", "--dry-run")
    said += done.stdout + done.stderr
    guarded.dev("mode", {"login_status": 500, "refresh_status": 500})
    for command in ("auth login -vvv", "token --refresh -vvv", "auth logout -vvv"):
        done = home.within(*command.split())
        said += done.stdout + done.stderr
    assert found(words, said) == []


LAYERS = {
    "the HTTP side": "import httpx; httpx.AsyncClient.send = boom",
    "the HTTP side's start": "import httpx; httpx.AsyncClient.__init__ = boom",
    "the socket": "import websockets.client as c; c.ClientProtocol.__init__ = boom",
    "the cache": "import sqlite3; sqlite3.connect = boom",
    "the tokens": "import notifyws.auth.token_manager as t; t.TokenManager.get = boom",
    "the session": "import notifyws.connection.session as s; s.Session._open = boom",
    "the view": "import notifyws.ui.lines as v; v.event_line = boom",
}
"""Layer -> what makes it fail as only a bug would: with all it was given in reach."""


@pytest.mark.fault(39)
@pytest.mark.slow
@pytest.mark.parametrize("layer", sample(*LAYERS, often=2))
def test_a_bug_in_any_layer_shows_no_secret_in_its_traceback(home, guarded, layer):
    assert home.within("token").returncode == 0
    words = secrets(home)
    boom = "def boom(self=None, *args, **kwargs):\n    raise RuntimeError('injected')\n"
    broken = LAYERS[layer].replace("; ", "\n")
    context = f"{boom}{broken}\nimport sys\nfrom notifyws.cli.app import main\nmain()\n"
    (home.path / "broken.py").write_text(context)
    failed = False
    for command in (["token", "--refresh"], ["listen", "-n", "1", "--timeout", "4"]):
        done = subprocess.run(
            [sys.executable, "broken.py", *command, "-vvv"],
            env=home.env,
            cwd=home.path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        shown = done.stdout if command[0] == "listen" else ""
        assert found(words, shown + done.stderr) == []
        failed = failed or "injected" in done.stderr
    assert failed


@pytest.mark.fault(39)
def test_no_process_shows_a_secret_and_no_file_but_the_cache_holds_one(home, guarded):
    code = (
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' > cmdlines;"
        " tr '\\0' '\\n' < /proc/self/environ > environ"
    )
    context = home.path / "hook.sh"
    context.write_text(code)
    home.env["NOTIFYWS_HAND_ON_DELAYS"] = "0.05"
    logged_in = home.within(
        *("auth", "login", "--password-stdin"),
        stdin=f"{SENTINEL}\n",
        env={"WEBSOCKET_PASSWORD": ""},
    )
    assert logged_in.returncode == 0, logged_in.stderr
    args = ("--name", "desk", "-n", "1", "--tee", "tee", "--exec")
    listener = home.listen(*args, f"sh {context}", program=[COMMAND])
    mine = Path(f"/proc/{listener.process.pid}/cmdline").read_text()
    guarded.notify(1)
    assert listener.wait() == 0
    listener = home.listen(*args, "false")
    guarded.notify(2)
    assert listener.wait() == 0
    words = secrets(home)
    assert "NOTIFICATION_TITLE=1" in (home.path / "environ").read_text()
    assert "listen" in (home.path / "cmdlines").read_text()
    files = [
        path
        for path in home.path.rglob("*")
        if path.is_file() and path.name not in CACHES
    ]
    assert {"login.json", "environ", "tee"} <= {path.name for path in files}
    assert found(words, mine) == []
    for path in files:
        assert found(words, path.read_text("latin-1")) == [], path
        assert found(words, str(path)) == []


@pytest.mark.slow
@pytest.mark.fault(39)
def test_the_names_of_cache_keys_tell_no_secret_and_no_name(
    home, guarded, clean_valkey
):
    home.env["REDIS_URL"] = clean_valkey.url
    token = home.within("token").stdout.strip()
    wrong = f"wrong-{SENTINEL}"
    home.within("auth", "login", env={"WEBSOCKET_PASSWORD": wrong})
    home.within(
        "token", env={"WEBSOCKET_PASSWORD": wrong, "WEBSOCKET_USERNAME": "demo2"}
    )
    with redis.Redis.from_url(clean_valkey.url) as client:
        names = [name.decode() for name in client.scan_iter("*")]
    assert any(":denied:" in name for name in names)
    assert all(re.fullmatch(r"notifyws:\{[0-9a-f]{16}\}:.+", name) for name in names)
    assert found([SENTINEL, wrong, token, "demo"], "\n".join(names)) == []


async def quotes(peer: Peer) -> None:
    """Answer every login with an error that repeats what it was sent."""
    sent = (await peer.request()).body.decode()
    said = {"error": f"{EVIL} {sent}", "message": f"{EVIL} {sent}"}
    reply = json_answer(said, 422).replace(b" Said", b" \x1b]0;owned\x07\x9b2J", 1)
    await peer.write(reply)


@pytest.mark.fault(36, 39)
def test_an_answer_of_the_server_is_text_and_repeats_no_secret(home, terminal):
    login = {"NOTIFYWS_TOKEN": "", "WEBSOCKET_USERNAME": "demo"}
    with scripted(home, quotes, **login, WEBSOCKET_PASSWORD=SENTINEL):
        for command in ("auth login -vvv", "listen -vvv --no-reconnect"):
            live = terminal(*command.split())
            assert live.wait() in {4, 5}
            assert "error: " in live.text
            assert strays(live.raw) == []
            assert unmoved(live)
            assert SENTINEL.encode() not in live.raw
