"""A frame that no rule makes sense of is shown: short, harmless, without secrets."""

from __future__ import annotations

import json
import re
from pathlib import Path

from notifyws.protocol.arrivals import Ignored
from notifyws.protocol.profile_text import parse
from notifyws.protocol.rules import Rules
from tests.support.httpd import TEXT, in_a_thread

PROFILE = """
name = "strict"
[socket]
path = "/"
token_in = "header"
[[rules]]
match = { type = "known" }
then = "notification"
"""
PAGE = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text("utf-8")
SECRET = "sentinel-token-4711"
FRAME = {"evt": "trip\x1b]0;owned\x07", "token": "abcdef", "echo": SECRET, "n": 1}


def test_it_is_shown_with_the_reason(home):
    async def story(peer):
        await peer.upgrade(await peer.request())
        await peer.frame(TEXT, json.dumps(FRAME, ensure_ascii=False).encode())
        await peer.frame(TEXT, b"x y " * 5000)
        await peer.frame(TEXT, b'{"type":"known"}')
        await peer.hang()

    (home.path / "strict.toml").write_text(PROFILE)
    env = {"NOTIFYWS_PROFILE": "./strict.toml", "NOTIFYWS_TOKEN": SECRET}
    with in_a_thread(story) as there:
        told = ("--json", "--events", "-n", "1", "--url", there.url)
        done = home.within("listen", *told, env=env)
    assert done.returncode == 0, done.stderr
    _, shown, long = re.findall(
        "Invalid message: (.*)", f"\nInvalid message: \n{done.stderr}"
    )
    assert shown.startswith('no rule of the profile matches it: {"evt": "trip')
    assert '"token": "***"' in shown
    assert shown.endswith('"n": 1}')
    assert len(long) < 400
    assert "\x1b" not in done.stderr
    assert SECRET not in done.stderr + done.stdout
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (first, _) = [each for each in events if each.get("event") == "error"]
    assert '"token": "***"' in first["message"]


def test_the_page_says_how_the_rest_is_passed_over():
    (rules,) = re.findall(r'```toml\n(\[\[rules\]\]\nthen = "ignore"\n)```', PAGE)
    found = Rules(parse(f"{PROFILE}{rules}", "strict").rules)
    assert found.read('{"type":"unknown"}', "now") == Ignored()
