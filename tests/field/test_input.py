"""What people and secret stores put on stdin is a sentence or a value, never a bug."""

from __future__ import annotations

import pytest

MIB = "head -c 1048576 /dev/zero | tr '\\0' x"
PASSWORDS = [
    ("printf demo", 0, ""),
    ("echo demo", 0, ""),
    (r"printf 'demo\r\n'", 0, ""),
    (r"printf 'demo\nmore: of an entry\n'", 0, ""),
    (r"printf '\xef\xbb\xbfdemo\r\n'", 0, ""),
    ("true", 2, "no password came on stdin"),
    ("echo", 2, "no password came on stdin"),
    (r"printf '\r\n'", 2, "no password came on stdin"),
    (r"printf 'de\0mo\n'", 2, "the password on stdin holds a NUL"),
    (r"printf '\xff\xfed\0e\0m\0o\0'", 2, "the password on stdin is not UTF-8 text"),
    (r"printf 'd\xe4mo\n'", 2, "the password on stdin is not UTF-8 text"),
    (f"({MIB}; echo more)", 2, "the password on stdin is larger than 1 MiB"),
]
MESSAGES = [
    ("true", "there is nothing to send: stdin was empty"),
    ("echo", "there is nothing to send: stdin was empty"),
    (r"printf 'd\xe4mo\n'", "stdin is not UTF-8 text"),
    (f"({MIB}; echo more)", "stdin is larger than 1 MiB"),
]


@pytest.mark.parametrize(("writes", "code", "said"), PASSWORDS)
def test_a_password_on_stdin(home, server, writes, code, said):
    env = {"WEBSOCKET_PASSWORD": ""}
    done = home.shell(f"{writes} | notifyws auth login --password-stdin", **env)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith(f"error: {said}" if code else "Logged in to ")
    assert ("\nhint: " in done.stderr) is bool(code)
    assert server.stats["failedLogins"] == 0


@pytest.mark.parametrize(("writes", "said"), MESSAGES)
def test_a_message_on_stdin(home, server, writes, said):
    done = home.shell(f"{writes} | notifyws send -q")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")
    assert "\nhint: " in done.stderr
    assert server.stats["connections"] == 0


@pytest.mark.parametrize("writes", [r"printf '{\xff}'", f"({MIB}; echo more)"])
def test_a_sample_on_stdin(home, writes):
    new = "notifyws profile new --name acme --sample -"
    done = home.shell(f"{writes} | {new}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: stdin is ")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("auth login --password-stdin", 2),
        ("WEBSOCKET_PASSWORD= auth login", 2),
        ("send", 2),
        ("send --lines", 0),
    ],
)
def test_stdin_that_is_closed(home, server, command, code):
    variable, _, words = command.rpartition("= ")
    done = home.shell(f"{variable and variable + '='} notifyws {words} <&-")
    assert done.returncode == code, done.stderr
    assert "unexpected" not in done.stderr


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_secret_to_sign_with_that_ends_in_a_newline(home, end):
    given = ("--forward-to", "http://127.0.0.1:1/", "--sign-secret", "KEY")
    done = home.within("listen", "--demo", *given, env={"KEY": f"secret{end}"})
    assert done.returncode == 2
    assert "--sign-secret ends in a newline (KEY in the environment)" in done.stderr
    assert "hint: take it off" in done.stderr


def test_what_is_typed_and_is_no_text_is_a_sentence(home, server, terminal):
    del home.env["WEBSOCKET_PASSWORD"]
    asking = terminal("auth", "login")
    asking.asks_hidden("Password for demo")
    asking.type_bytes(b"\xff\xfe\r")
    assert asking.wait() == 2
    assert "what was typed is not UTF-8 text" in asking.text
