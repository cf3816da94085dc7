"""Certificates for tests: good ones, and each way in which one is not."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

HOST = "127.0.0.1"


class Authority:
    """Somebody who signs certificates."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def write(self, folder: Path) -> Path:
        """Write the authority's own certificate; return its file."""
        path = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(path))
        return path

    def good(self, days: float = 30) -> ssl.SSLContext:
        """A server's certificate that is right in every way."""
        return self._served(HOST, days)

    def expired(self) -> ssl.SSLContext:
        return self._served(HOST, -1)

    def early(self, seconds: float) -> ssl.SSLContext:
        """One that is valid from in so many seconds on."""
        return self._served(HOST, 30, timedelta(seconds=seconds))

    def for_another_host(self) -> ssl.SSLContext:
        return self._served("elsewhere.example", 30)

    def trusted(self) -> ssl.SSLContext:
        """What a client trusts that trusts this authority only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context

    def _served(
        self, name: str, days: float, begins: timedelta = timedelta(days=-60)
    ) -> ssl.SSLContext:
        now = datetime.now(UTC)
        certificate = self._ca.issue_cert(
            name,
            not_before=now + begins,
            not_after=now + timedelta(days=days),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context
