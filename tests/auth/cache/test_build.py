"""Which cache a URL means."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from notifyws.auth.cache.build import open_cache
from notifyws.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("redis://host", "redis"),
        ("rediss://host", "redis"),
        ("unix:///tmp/s", "redis"),
        ("sqlite:///tmp/a.db", "sqlite"),
        ("SQLITE:///tmp/a.db", "sqlite"),
        ("memory://", "memory"),
    ],
)
def test_the_scheme_decides(url, backend):
    assert open_cache(url).backend == backend


@pytest.mark.parametrize("url", ["", "tokens.db", "http://host", "/tmp/a.db"])
def test_another_scheme_is_told_which_there_are(url):
    with pytest.raises(ConfigurationError) as caught:
        open_cache(url)
    for scheme in ("redis://", "rediss://", "unix://", "sqlite:///", "memory://"):
        assert scheme in caught.value.hint


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite://relative/a.db", "sqlite://[", "sqlite:"],
)
def test_a_file_needs_an_absolute_path(url):
    with pytest.raises(ConfigurationError):
        open_cache(url)


@pytest.mark.parametrize("url", ["sqlite:///tmp/a%20b.db", "sqlite:////tmp/a%20b.db"])
def test_three_slashes_and_four_mean_the_same_file(url):
    assert open_cache(url).url == "sqlite:///tmp/a%20b.db"


def test_a_path_survives_being_shown_and_opened_again():
    url = open_cache(Path("/tmp/100% #1?.db").as_uri().replace("file", "sqlite")).url
    assert open_cache(url).url == url


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("notifyws.auth.cache.sqlite", ["asyncio", "redis", "concurrent.futures"]),
        ("notifyws.auth.cache.build", ["asyncio", "redis", "sqlite3"]),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(module, banned):
    code = (
        "import sys; before = set(sys.modules);"
        f"import {module}; print(*set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = run.stdout.decode().split()
    assert module in loaded
    assert not set(banned) & set(loaded)
