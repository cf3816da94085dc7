"""What is read of a release: files, metadata, bounds, changelog, licences."""

from __future__ import annotations

import runpy
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FACTS = runpy.run_path(str(ROOT / "scripts/release_facts.py"))
PROJECT = FACTS["project"](ROOT)
FILES = {"notifyws/py.typed", "notifyws/protocol/profiles/default.toml"}
ORDERED = sorted(FILES)
METADATA = """\
Name: notifyws
Requires-Dist: httpx<0.29,>=0.28
Requires-Dist: aiohttp<4,>=3.13; extra == 'server'
Requires-Dist: pyjwt<3,>=2.10; extra == 'server'
"""


def licence(**said):
    text = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in said.items())
    return FACTS["licence_of"](message_from_string(text))


def test_what_is_required_is_told_by_extra():
    found = FACTS["requirements"](message_from_string(METADATA))
    assert found == {
        "": ["httpx<0.29,>=0.28"],
        "server": ["aiohttp<4,>=3.13", "pyjwt<3,>=2.10"],
    }


@pytest.mark.parametrize(
    ("required", "got", "honest"),
    [
        ("hiredis>=3.2,<4", "3.2.0", True),
        ("hiredis>=3.2,<4", "3.3.0", False),
        ("hiredis>=3,<4", "3.0.1.post1", True),
        ("hiredis", "3.0", False),
    ],
)
def test_a_lower_bound_is_what_the_oldest_environment_got(required, got, honest):
    assert bool(FACTS["raised_bounds"]([required], {"hiredis": got})) is not honest


def test_every_file_of_the_package_is_in_the_wheel_and_no_other():
    wrong = FACTS["wrong_files"]
    ours = FILES | {"notifyws/cli/app.py"}
    about = {"notifyws-1.dist-info/METADATA"}
    assert wrong(ours | about, ours) == []
    assert wrong(ours | about | {"tests/a.py"}, ours) == [
        "tests/a.py is in the wheel, and nobody's"
    ]
    assert wrong(FILES, ours) == ["notifyws/cli/app.py is not in the wheel"]
    assert wrong(set(), set()) == [f"{each} is not in the wheel" for each in ORDERED]


def test_metadata_that_lacks_something_is_told_by_its_key():
    wrong = "\n".join(FACTS["wrong_metadata"](message_from_string(METADATA), PROJECT))
    assert "License-Expression is None, not 'MIT'" in wrong
    assert "Name" not in wrong
    assert "no classifier 'Typing :: Typed'" in wrong
    assert "extra 'mcp': not tried, or not there" in wrong
    assert "extra 'server'" not in wrong


def test_every_extra_is_tried():
    assert set(FACTS["EXTRAS"]) == set(PROJECT["optional-dependencies"])


def test_the_changelog_names_the_version():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert FACTS["wrong_changelog"](text, FACTS["version"](ROOT)) == []
    assert FACTS["wrong_changelog"]("## 1.10\n", "1.1")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("## 1.1 (2026-01-31)\n", 0),
        ("## 1.1 (not yet released)\n", 1),
        ("\n## Unreleased\n\n## 1.1 (2026-01-31)\n", 0),
        ("\n## Unreleased\n\n- More.\n\n## 1.1 (2026-01-31)\n", 1),
    ],
)
def test_before_a_tag_the_changelog_has_a_day_and_nothing_unreleased(text, left):
    assert len(list(FACTS["not_final"](text, "1.1"))) == left


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({"License_Expression": "MIT OR X"}, "MIT OR X"),
        ({"License": "Apache 2.0"}, "Apache-2.0"),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
        ({"License": "A long text\n of law"}, "A long text"),
        ({}, "not stated"),
    ],
)
def test_a_licence_is_read_wherever_a_package_states_it(said, read):
    assert licence(**said) == read


@pytest.mark.parametrize(
    ("expression", "good"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("Apache-2.0 AND GPL-3.0-only", False),
        ("MIT AND (GPL-2.0-only OR BSD-3-Clause)", True),
        ("not stated", False),
    ],
)
def test_a_licence_is_judged_by_the_table_of_allowed_ones(expression, good):
    assert FACTS["allowed"](expression) is good
    wrong = FACTS["wrong_licences"]({("package", expression)})
    assert bool(wrong) is not good
    assert not wrong or "package" in wrong[0]


def test_the_oldest_and_the_newest_python_are_those_of_the_classifiers():
    least, newest = FACTS["promised_pythons"](PROJECT)
    assert PROJECT["requires-python"] == f">={FACTS['dotted'](least)}"
    assert newest > least


def test_the_address_of_a_server_is_found_in_what_it_says():
    said = "development server listening on ws://127.0.0.1:1234, its page on http://x/"
    assert FACTS["url_in"](said) == "ws://127.0.0.1:1234"
    assert FACTS["url_in"]("for trying, testing and demonstrating only") == ""
