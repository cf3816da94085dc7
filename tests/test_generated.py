"""What is generated is up to date: completions, .env.example, pictures, pages."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_what_is_generated_is_up_to_date():
    generated = runpy.run_path(str(ROOT / "scripts" / "generate.py"))["generated"]
    stale = [
        name for name, text in generated() if (ROOT / name).read_text("utf-8") != text
    ]
    assert stale == [], "run: make generate"


def test_the_example_of_the_environment_holds_all_and_changes_nothing_uncommented():
    from notifyws.config.settings import FIELDS, environment_name
    from notifyws.config.sources import load

    text = (ROOT / ".env.example").read_text("utf-8")
    lines = [line[1:] for line in text.splitlines() if line[:2] not in ("# ", "")]
    environ = dict(line.split("=", 1) for line in lines)
    del environ["NOTIFYWS_CONFIG"]
    assert environ.keys() >= set(map(environment_name, FIELDS))
    said, default = load(environ=environ).settings, load(environ={}).settings
    for name in FIELDS:
        assert getattr(said, name) == near(getattr(default, name)), name


def near(value):
    return pytest.approx(value, rel=1e-5) if isinstance(value, float) else value
