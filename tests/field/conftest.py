"""The installed command, as in ``tests/e2e``."""

from tests.e2e.conftest import home, process, server, terminal

__all__ = ["home", "process", "server", "terminal"]
