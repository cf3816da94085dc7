"""Certificates for tests: good ones, and each way in which one is not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import NamedTemporaryFile

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "127.0.0.1"


@contextmanager
def refusing(context: ssl.SSLContext) -> Iterator[int]:
    """Run a server whose TLS refuses every client; its port.

    On plain sockets, as most servers are: asyncio's hang up without the alert that says
    why.
    """
    listening = socket.create_server((HOST, 0))

    def serve() -> None:
        with suppress(OSError):  # it ends by being closed
            while True:
                line, _ = listening.accept()
                refuse(line)

    def refuse(line: socket.socket) -> None:
        line.settimeout(2)
        with line, suppress(OSError):
            later = {"do_handshake_on_connect": False}
            with context.wrap_socket(line.dup(), server_side=True, **later) as secured:
                with suppress(OSError):
                    secured.do_handshake()
                line.shutdown(socket.SHUT_WR)
                while line.recv(1024):  # unread, it would cost them the alert
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


class Authority:
    """Somebody who signs certificates."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def write(self, folder: Path) -> Path:
        """Write the authority's own certificate; return its file."""
        path = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(path))
        return path

    def write_client(self, folder: Path, name: str, days: float = 365) -> None:
        """Write a client's certificate and key: ``NAME.pem``, ``NAME.key``."""
        now = datetime.now(UTC)
        dates = {
            "not_before": now - timedelta(days=60),
            "not_after": now + timedelta(days=days),
        }
        made = self._ca.issue_cert(f"{name}@example.com", **dates)
        made.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        made.private_key_pem.write_to_path(str(folder / f"{name}.key"))

    def demanding(self, **limits: ssl.TLSVersion) -> ssl.SSLContext:
        """A server's context that wants a client certificate of this authority."""
        context = self.good()
        context.verify_mode = ssl.CERT_REQUIRED
        self.trust_in(context)
        for name, version in limits.items():
            setattr(context, name, version)
        return context

    def trust_in(self, context: ssl.SSLContext) -> None:
        """Have a server trust clients whose certificates this authority signed."""
        self._ca.configure_trust(context)

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

    def lacking(self) -> ssl.SSLContext:
        """One without an Authority Key Identifier, as scripts of old made them."""
        signer = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        name = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
        signing = serialization.load_pem_private_key(
            self._ca.private_key_pem.bytes(), None
        )
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(signer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(name, critical=True)
            .sign(signing, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        with NamedTemporaryFile() as file:
            file.write(key.private_bytes(pem, *form) + made.public_bytes(pem))
            file.flush()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file.name)
        return context

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
            name, not_before=now + begins, not_after=now + timedelta(days=days)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context
