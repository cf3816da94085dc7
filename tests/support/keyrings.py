"""Keyrings for tests: real backends of ``keyring``, as the system's own are."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, PasswordDeleteError


class FileKeyring(KeyringBackend):
    """One that keeps everything in the file that ``TEST_KEYRING`` names."""

    priority = 1

    @property
    def _file(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])

    def _all(self):
        return json.loads(self._file.read_text()) if self._file.exists() else {}

    def get_password(self, service, username):
        return self._all().get(service, {}).get(username)

    def set_password(self, service, username, password):
        kept = self._all()
        kept.setdefault(service, {})[username] = password
        self._file.write_text(json.dumps(kept))

    def delete_password(self, service, username):
        kept = self._all()
        if kept.get(service, {}).pop(username, None) is None:
            raise PasswordDeleteError("there is none")
        self._file.write_text(json.dumps(kept))


class BrokenKeyring(KeyringBackend):
    """One that answers nothing but errors: its own kind, and others."""

    priority = 1

    def get_password(self, service, username):
        raise KeyringError("locked")

    def set_password(self, service, username, password):
        raise RuntimeError("the bus is gone")

    delete_password = get_password


class SilentKeyring(KeyringBackend):
    """One that waits for somebody to unlock it, until ``unlock`` is set."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.unlock = threading.Event()

    def get_password(self, service, username):
        self.unlock.wait()
        return "late"

    def set_password(self, service, username, password):
        self.unlock.wait()

    delete_password = get_password
