"""The parts of the end-to-end tests serve the faults as well."""

from tests.e2e.conftest import home, process, server, terminal

__all__ = ["home", "process", "server", "terminal"]
