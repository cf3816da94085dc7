"""A TOML file that somebody else wrote: a sentence, soon, whatever stands in it.

Seen: nesting and numbers of thousands of digits ended with exit code 1, and one key of
many parts, or a line of a text that looked like a header, kept every command busy for
minutes.
"""

from __future__ import annotations

import time

import pytest

TEXTS = {
    "deep": "x = " + "[" * 100_000,
    "deep tables": "x = " + "{a=" * 50_000,
    "digits": "x = " + "1" * 5000,
    "one key": ".".join(["a"] * 200_000) + " = 1",
    "one header": "[" + ".".join(["a"] * 200_000) + "]",
    "quoted": "x = {" + ".".join(['"a"'] * 100_000) + " = 1}",
    "one word": "a" * 900_000 + " = 1",
    "like a header": f'x = """\n[{" " * 900_000}x\n"""\n',
    "like many headers": 'x = """\n[' + "a " * 450_000 + ']\n"""\n',
    "a long name in a line": f'socket = {{ "{"a " * 150_000}" = "{"a " * 300_000}" }}',
    "dots": "x = '" + "a." * 40 + "'\ny = " + "1.5, " * 1000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_profile_or_a_configuration_ends_with_a_sentence(home, text):
    file = home.path / "x.toml"
    file.write_text(text)
    for args, env in (
        (["profile", "check", str(file)], {}),
        (["status"], {"NOTIFYWS_CONFIG": str(file)}),
    ):
        began = time.monotonic()
        done = home.within(*args, env=env)
        assert done.returncode in (0, 2), done.stderr
        assert "unexpected" not in done.stderr
        assert "Traceback" not in done.stderr
        assert time.monotonic() - began < 15  # on a busy machine; it was minutes
