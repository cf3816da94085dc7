"""An option whose value may be left out: it is empty then."""

from __future__ import annotations

import pytest

from notifyws.cli.listen_options import with_values


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", ""),
        ("--json", "--json"),
        ("--routes", "--routes <>"),
        ("--routes -n 1", "--routes <> -n 1"),
        ("--routes --routes x", "--routes <> --routes x"),
        ("--routes r.toml --json", "--routes r.toml --json"),
        ("--routes=r.toml", "--routes=r.toml"),
    ],
)
def test_what_is_left_out_is_an_empty_word(typed, read):
    words = [word or "<>" for word in with_values(typed.split())]
    assert words == read.split()
