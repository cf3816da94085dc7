"""Whom we trust over TLS: the system's authorities, and those of a file.

Python 3.13 demands of certificates what those of private authorities often lack
(``VERIFY_X509_STRICT``). An authority that was named is trusted as older Pythons did.
"""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

from notifyws.config.files import read_text_file
from notifyws.errors import ConfigurationError

CA_FILE = "NOTIFYWS_CA_FILE"
NOT_DEMANDED = ssl.VerifyFlags.VERIFY_X509_STRICT
"""What is not demanded of certificates where an authority was named."""


def trust(ca_file: str, setting: str = CA_FILE) -> ssl.SSLContext:
    """Return the context that all our TLS connections are opened with.

    Args:
        ca_file: a PEM file of certificates; empty for none.
        setting: who names it, for the sentence that says it cannot be used.

    Raises:
        ConfigurationError: the file cannot be used, or one that the environment names
            for certificates, or for all keys of TLS.
    """
    for name in ("SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        for path in os.environ.get(name, "").split(os.pathsep):
            demand_no_pipe(name, path)
    try:
        context = ssl.create_default_context()
    except OSError as error:
        message = f"cannot use SSLKEYLOGFILE {error.filename}: {error.strerror}"
        raise ConfigurationError(message, "unset SSLKEYLOGFILE") from None
    if not ca_file:
        return context
    checked_file(ca_file, setting)
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:
        told = "" if isinstance(error, ssl.SSLError) else error.strerror
        reason = told or "not a PEM file of certificates"
        raise _unusable(ca_file, setting, reason) from None
    context.verify_flags &= ~NOT_DEMANDED
    return context


def checked_file(path: str, setting: str) -> None:
    """Demand that a file can be read; OpenSSL waits at a pipe, and reads for ever.

    Raises:
        ConfigurationError: it cannot.
    """
    try:
        read_text_file(Path(path), encoding="latin-1")
    except ConfigurationError as error:
        raise _unusable(path, setting, error.message) from None


def _unusable(path: str, setting: str, reason: str) -> ConfigurationError:
    message = f"cannot use {setting} {path}: {reason}"
    return ConfigurationError(message, "name a PEM file of certificates")


def demand_no_pipe(name: str, path: str) -> None:
    """Raise where a library would wait for what a setting names: a pipe, a device.

    Raises:
        ConfigurationError: it is one, and not the empty one.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or path == os.devnull):
        message = f"cannot use {name} {path}: it is a pipe or a device"
        raise ConfigurationError(message, "name a regular file")
