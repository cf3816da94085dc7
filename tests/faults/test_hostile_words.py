"""A server, a cache and a profile whose every string is hostile: only text is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from notifyws.fleet.listener_entry import Listener, text_of
from tests.e2e.support import Home
from tests.e2e.terminal import Terminal
from tests.faults.test_output import EVIL, strays
from tests.support.httpd import Peer, in_a_thread, json_answer
from tests.support.valkey import Valkey

WORDS = f"<{EVIL}\nnext\u2028line>"
NOTE = {
    **dict.fromkeys(("id", "type", "title", "message", "link", "timestamp"), WORDS),
    "data": {WORDS: [WORDS], "plain": WORDS},
}
TOKENS = {
    **{"accessToken": "access-of-theirs", "refreshToken": "refresh-of-theirs"},
    **{"userId": WORDS, "expiresIn": 900, "message": WORDS},
}
ODD = "\x1b]0;owned\x07\x9b2J"


async def hostile(peer: Peer) -> None:
    """Answer whatever is asked, in the worst words that there are."""
    request = await peer.request()
    if "sec-websocket-key" in request.headers:
        await peer.upgrade(request)
        await peer.say(json.dumps({"type": "error", "message": WORDS}))
        await peer.say("{" + WORDS)
        await peer.say(json.dumps(NOTE))
        await peer.close(4000, EVIL[:40])
    elif request.target in {"/auth/login", "/auth/refresh"}:
        await peer.write(json_answer(TOKENS))
    else:
        told = {"message": WORDS, "error": WORDS}
        await peer.write(json_answer(told, 500, Location=f"/{ODD}", Retry_After=ODD))


@pytest.fixture
def theirs(home: Home, clean_valkey: Valkey) -> Iterator[Home]:
    """A home that is logged in at such a server, with a cache that others write to."""
    with in_a_thread(hostile) as server:
        home.use(server)
        home.env["REDIS_URL"] = clean_valkey.url
        folder = home.path / ".config" / "notifyws" / "profiles"
        folder.mkdir(parents=True)
        spelled = json.dumps(ODD + "\u202e")
        (folder / "odd.toml").write_text(
            f"name = 'odd'\ndescription = {spelled} # \u202e\x9b2J\n"
            'tried = ""\n[socket]\ntoken_in = "none"\n'
            '[[rules]]\nthen = "notification"\n'
        )
        (folder / f"{ODD.replace('/', '')}.toml").write_text("rubbish")
        assert home.within("token").returncode == 0
        here = clean_valkey.command("KEYS", "notifyws:*:access")[0].decode()[:-6]
        said = {"at": WORDS, "kind": WORDS, "message": WORDS}
        gap = {"from": WORDS, "to": WORDS, "reason": WORDS}
        one = Listener(
            *(WORDS, WORDS, 7, WORDS, WORDS, 1, 1, 1, WORDS, 1, gap, 1, 1, WORDS, 1, 1),
            *(said, WORDS, WORDS),
        )
        clean_valkey.command("SET", f"{here}listener:0f0f", text_of(one), "PX", 90_000)
        index = json.dumps({"0f0f": 4e9})
        clean_valkey.command("SET", f"{here}listeners:7", index, "PX", 90_000)
        yield home
        home.leave()


COMMANDS = [
    *("auth login", "auth whoami", "auth whoami --json", "token", "token --json"),
    *("token --query userId", "token --format {userId}", "token -v --refresh"),
    *("status", "status --json", "status --check -v"),
    "status --query listeners[0].name",
    *("status --listening --name desk", "send --type t --message m --timeout 3"),
    *("send --json --type t --message m --timeout 3", "profile list"),
    "profile show odd",
    *("profile check odd", "listen -n 1", "listen -n 1 --json --events"),
    *("listen -n 1 --plain -v", "listen -n 1 --format {title}:{data.plain}"),
    *("listen -n 1 --query title", "listen -n 1 --no-reconnect -vv", "auth logout"),
]


def commands(line: str) -> list[str]:
    limited = ["--timeout", "5"] if line.startswith("listen") else []
    return [*line.split(), *limited]


@pytest.mark.fault(36)
def test_every_command_writes_text_only_into_a_pipe(theirs: Home):
    for line in COMMANDS:
        done = theirs.within(*commands(line))
        assert done.returncode in {0, 3, 4, 5, 6}, (line, done.stderr)
        assert strays(done.stdout) == strays(done.stderr) == [], line
        assert done.stdout or done.stderr
        if "whoami" in line or "--query" in line:
            assert done.stdout.count("\n") == 1, line


@pytest.mark.fault(36)
@pytest.mark.slow
def test_every_command_writes_text_only_to_a_terminal(theirs: Home):
    for line in [*COMMANDS, "listen -n 1 --raw"]:
        live = Terminal(*commands(line), env=theirs.env, cwd=theirs.path, columns=100)
        try:
            live.process.wait(30)
            assert strays(live.raw) == [], line
            assert not live.screen.title, line
        finally:
            live.close()
