"""Wrong input is one sentence with a hint and exit code 2, before anything is done."""

from __future__ import annotations

import pytest

from tests.cli.test_hints import refused

TARGET = ("--forward-to", "http://127.0.0.1:1/")
LISTEN = [
    (("--exec", ""), "names no command"),
    (("--exec", "un'closed"), "cannot be read"),
    (("--forward-to", ""), "names no URL"),
    (("--forward-to", "ftp://x"), "http:// or https://"),
    (("-H", "X: y"), "-H goes with --forward-to"),
    (("--sign-secret", "X"), "--sign-secret goes with --forward-to"),
    ((*TARGET, "-H", "no colon"), "NAME:VALUE"),
    ((*TARGET, "-H", "a b:c"), "NAME:VALUE"),
    ((*TARGET, "-H", "a:b\r\nX: c"), "NAME:VALUE"),
    ((*TARGET, "--sign-secret", "NOWHERE"), "no variable NOWHERE"),
    (("--exec", "true", "--concurrency", "0"), "1 or more"),
    (("--exec", "true", "--exec-timeout", "0"), "more than 0"),
    (("--apprise", ""), "a URL, or the name of a variable"),
    (("--apprise", "NOWHERE"), "no variable NOWHERE"),
    (("--apprise", "nosuch://x"), "Apprise knows no nosuch:// URL"),
    (("--name", ""), "1 to 64 printable characters"),
    (("--verify-every", "often"), "--verify-every takes a duration, not 'often'"),
    (("--verify-every", ""), "--verify-every takes a duration"),
    (("--verify-every", "2d"), "verify_every must be a number from 0 to 86400"),
    *(
        (
            ("--verify-every", "5m", "--profile", profile),
            f"--verify-every: a server of profile {profile} cannot be verified: it can "
            "neither be asked what was missed nor resume after an id",
        )
        for profile in ("mattermost", "home-assistant")
    ),
    (("--replay", "nowhere", "--exec", "true"), "No such file"),
    (("--replay", "nowhere"), "somebody to hand on to"),
]
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
    "a name alone": (["status", "--name", "desk"], "--name goes with --listening"),
    "an env file that is a folder": (["token", "--env-file", "."], "it is a folder"),
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
    "a demo of a server": (["listen", "--demo", "--url", "ws://h"], "exclude each"),
    "nothing, at a server that is none": ([], "no server"),
    "listening to nothing": (["status", "--listening"], "no server is configured"),
    "an unknown sample": (["send", "--sample", "-t", "x"], "there is no sample"),
    "a bad --user": (["serve", "--user", "me"], "has no password"),
    "a bad port": (["serve", "--port", "70000"], "70000 is not a port"),
    "a bad cache URL": (["token", "--url", "ws://h"], "no URL of a token cache"),
}
for args, words in LISTEN:
    WRONG[f"listen {' '.join(args)}"] = (["listen", "--url", "ws://h", *args], words)


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_a_sentence_with_a_hint_and_exit_2(
    home, monkeypatch, what, capfd
):
    args, words = WRONG[what]
    if "cache URL" in what:
        monkeypatch.setenv("NOTIFYWS_CACHE_URL", "http://x")
    if not args:
        monkeypatch.setenv("NOTIFYWS_SERVER", "gone")
    error = refused(args)
    assert error.exit_code == 2
    assert words in f"{error.message}\nhint: {error.hint}"
    assert error.hint
    assert capfd.readouterr().out == ""
