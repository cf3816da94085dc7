"""Wrong words about handing on are said at once, and change nothing."""

from __future__ import annotations

import pytest

from tests.e2e.support import Home, Server

TARGET = ("--forward-to", "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("args", "words"),
    [
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
        (("--name", ""), "1 to 64 printable characters"),
        (("--replay", "nowhere", "--exec", "true"), "No such file"),
        (("--replay", "nowhere"), "somebody to hand on to"),
    ],
)
def test_wrong_words_are_exit_2_with_a_hint(home: Home, server: Server, args, words):
    done = home.run("listen", *args)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "hint: " in done.stderr
    assert done.stdout == ""
    assert server.stats["logins"] == 0
