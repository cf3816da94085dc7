"""What the pages say to type can be typed: every command in them is one of ours."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from notifyws.cli.app import root_command

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
ENDS = {"|", "||", "&&", ";", "&", ">", "<", ">>", "(", ")"}
EAGER = {"--install-completion", "--show-completion", "--version"}
"""What is done at once, whatever else is said."""
ROOT_COMMAND = root_command()


def commands():
    """Yield page and words of every command of ours in a page."""
    for page in PAGES:
        for block in BLOCK.findall(page.read_text("utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                for words in ours(line):
                    if words[:1] and words[0] in EAGER:
                        continue
                    yield pytest.param(words, id=f"{page.name}: {' '.join(words)}")


def ours(line):
    """Yield the words after each ``notifyws`` of a line, as a shell splits them."""
    lexer = shlex.shlex(line.replace("$(", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found = None
    for word in [*lexer, ";"]:
        if word in ENDS or set(word) <= set("()<>|&;"):
            if found is not None:
                yield found
            found = None
        elif found is not None:
            found.append(word)
        elif word == "notifyws" or word.endswith("/notifyws"):
            found = []


@pytest.mark.parametrize("words", list(commands()))
def test_a_command_in_a_page_is_one_of_ours(words):
    context, command = ROOT_COMMAND.make_context("notifyws", list(words)), ROOT_COMMAND
    while hasattr(command, "commands") and context._protected_args:
        name, command, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        context = command.make_context(name, rest, parent=context)
    assert context.command is command


LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINKING = [
    *PAGES,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "bench/README.md",
]


def anchors(page):
    """Return what a link can lead to within a page."""
    kept = (re.sub(r"[^\w\- ]", "", each.lower()) for each in HEADING.findall(page))
    return {each.replace(" ", "-") for each in kept}


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    lost = []
    for path, anchor in LINK.findall(page.read_text("utf-8")):
        there = page.parent / path if path else page
        if not there.exists() or (anchor and anchor not in anchors(there.read_text())):
            lost.append(f"{path}#{anchor}")
    assert lost == []


GENERATED = {"faults.md", "profile-reference.md", "reference.md"}
"""Lists to look something up in, not to read."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_short_enough_to_be_read(page):
    most = 200 if page.name == "README.md" else 360
    lines = page.read_text("utf-8").count("\n")
    assert lines <= most or page.name in GENERATED
