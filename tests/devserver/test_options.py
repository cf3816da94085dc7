"""Options that make no sense are refused in a sentence."""

from __future__ import annotations

import pytest

from notifyws.devserver import ServerOptions
from notifyws.errors import ConfigurationError


def test_the_default_user_is_demo():
    options = ServerOptions()
    assert (options.first_user, options.user_id("demo")) == ("demo", "42")


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": -1},
        {"port": 65536},
        {"users": {}},
        {"users": {"": "x"}},
        {"access_ttl": 0},
        {"refresh_ttl": float("nan")},
        {"history": 0},
        {"traffic": -1},
        {"flaky": float("inf")},
    ],
)
def test_senseless_options_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        ServerOptions(**wrong)
