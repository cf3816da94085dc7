"""What is mistyped is answered with what was probably meant."""

from __future__ import annotations

import pytest

from notifyws.cli.app import _run
from notifyws.cli.hints import at_the_same_place
from notifyws.errors import ConfigurationError, NotifyError, UsageError

MEANT = [
    ("lisen", "did you mean listen?"),
    ("statu", "did you mean status?"),
    ("auth logni", "did you mean login?"),
    ("profile shw", "did you mean show?"),
    ("login", "did you mean notifyws auth login?"),
    ("whoam", "did you mean notifyws auth whoami?"),
    ("help lisen", "did you mean listen?"),
    ("listen --filtr x", "did you mean --filter?"),
    ("auth login --pasword-stdin", "did you mean --password-stdin?"),
    ("send --sample --type trip_updte", "did you mean trip_update?"),
    ("token --profile directs --url wss://a.example", "did you mean directus?"),
]
MISPLACED = [
    ("--json listen", "it stands after the command, as in: notifyws listen --json"),
    (
        "--verbose listen",
        "it stands after the command, as in: notifyws listen --verbose",
    ),
    ("--json", "it stands after the command, as in: notifyws listen --json"),
    ("--json status", "it stands after the command, as in: notifyws status --json"),
    ("-q send -m x", "it stands after the command, as in: notifyws send -q"),
    (
        "--json auth login",
        "it stands after the command, as in: notifyws auth login --json",
    ),
    (
        "--url x profile check",
        "it stands after the command, as in: notifyws profile check --url",
    ),
    (
        "profile --url x list",
        "it stands after the command, as in: notifyws profile check --url",
    ),
]
UNLIKE = [
    ("xyzzy", "notifyws --help"),
    ("profile xyzzy", "notifyws profile --help"),
    ("listen --xyzzy", "notifyws listen --help"),
    ("listen -y", "notifyws listen --help"),
    ("listen -n many", "notifyws listen --help"),
    ("listen --filter", "notifyws --help"),  # typer does not say where
    ("help xyzzy", "notifyws --help"),
]


def refused(line: str | list[str]) -> NotifyError:
    with pytest.raises((UsageError, ConfigurationError)) as caught:
        _run(line.split() if isinstance(line, str) else line)
    return caught.value


@pytest.mark.parametrize(("line", "hint"), [*MEANT, *MISPLACED, *UNLIKE])
def test_the_hint_names_what_was_meant_else_the_help(home, line, hint):
    assert refused(line).hint == hint


@pytest.mark.parametrize(("line", "hint"), MEANT)
def test_the_sentence_says_what_is_wrong_and_leaves_guessing_to_the_hint(
    home, line, hint
):
    said = refused(line).message
    assert said[0].islower()
    assert "ossible" not in said
    assert "id you mean" not in said


def test_a_value_of_the_wrong_kind_is_said_with_its_option(home):
    said = refused("listen -n many").message
    assert said == "invalid value for '--count' / '-n': 'many' is not a valid int"


@pytest.mark.parametrize("line", ["help", "help listen", "help auth login"])
def test_help_as_a_word_is_the_help_as_an_option(home, capsys, line):
    assert _run(line.split()) == 0
    said = capsys.readouterr().out
    assert _run([*line.split()[1:], "--help"]) == 0
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("hint", "typed", "completed"),
    [
        ("notifyws auth login", "listen", "notifyws auth login"),
        (
            "notifyws auth login",
            "listen --server two -n 1 --profile=./my.toml",
            "notifyws auth login --server two --profile ./my.toml",
        ),
        ("notifyws auth login --url x", "token --url y", "notifyws auth login --url x"),
        ("check the path", "token --url y", "check the path"),
        ("notifyws listen --help", "listen --url y -n x", "notifyws listen --help"),
        (
            "notifyws auth login --save, or set A; to try it: notifyws listen --demo",
            "token --profile x",
            "notifyws auth login --save, or set A; to try it: notifyws listen --demo",
        ),
        ("notifyws auth login", "token --url wss://h?token=s", "notifyws auth login"),
        ("notifyws auth login", "token --url=wss://u:p@h", "notifyws auth login"),
    ],
)
def test_a_hinted_command_is_for_the_same_server(hint, typed, completed):
    assert at_the_same_place(hint, typed.split()) == completed
