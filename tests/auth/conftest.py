"""No proxy of the machine stands between these tests and their servers."""

import pytest


@pytest.fixture(autouse=True)
def direct(no_proxy):
    """For every test of this folder."""
