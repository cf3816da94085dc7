"""Whom we trust over TLS: the system's authorities, and those of a file."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from notifyws.config.files import demand_no_pipe, read_text_file
from notifyws.errors import ConfigurationError


def trust(ca_file: str) -> ssl.SSLContext:
    """Return the context that all our TLS connections are opened with.

    Args:
        ca_file: a PEM file of certificates; empty for none.

    Raises:
        ConfigurationError: the file cannot be used, or one that the environment names
            for certificates, or for all keys of TLS.
    """
    for name in ("SSLKEYLOGFILE", "SSL_CERT_FILE"):
        demand_no_pipe(name, os.environ.get(name, ""))
    try:
        context = ssl.create_default_context()
    except OSError as error:
        message = f"cannot use SSLKEYLOGFILE {error.filename}: {error.strerror}"
        raise ConfigurationError(message, "unset SSLKEYLOGFILE") from None
    if not ca_file:
        return context
    try:
        read_text_file(Path(ca_file), encoding="latin-1")  # OpenSSL waits at a pipe
        context.load_verify_locations(ca_file)
    except ConfigurationError as error:
        reason = error.message
    except OSError as error:
        reason = error.strerror or "not a PEM file of certificates"
    else:
        return context
    message = f"cannot use NOTIFYWS_CA_FILE {ca_file}: {reason}"
    raise ConfigurationError(message, "name a PEM file of certificates")
