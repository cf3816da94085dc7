"""The files that a Redis URL names for TLS, looked at before anybody is asked.

OpenSSL waits at a pipe, asks the terminal for the password of a key, and says little.
What is wrong with a file is said here, in a sentence that names it.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notifyws.config.files import read_text_file
from notifyws.config.tls import NOT_DEMANDED, checked_file, trust
from notifyws.errors import ConfigurationError

AUTHORITIES = {"ssl_ca_certs", "ssl_ca_path", "ssl_ca_data"}
FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
MISMATCH = "KEY_VALUES_MISMATCH"


def checked_tls(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of TLS whose files can be used.

    Raises:
        ConfigurationError: one of them cannot.
    """
    for name in sorted(FILES & options.keys()):
        checked_file(options[name], f"{name} of the Redis URL")
    trust(options.get("ssl_ca_certs", ""), "ssl_ca_certs of the Redis URL")
    if {"ssl_certfile", "ssl_keyfile"} & options.keys():
        _demand_pair(options)
    named = [NOT_DEMANDED] if AUTHORITIES & options.keys() else []
    return {
        "ssl_password": "",  # without one, OpenSSL asks the terminal
        **options,
        "ssl_exclude_verify_flags": named,
    }


def _demand_pair(options: Mapping[str, Any]) -> None:
    """Demand a certificate of ours, and the key to it.

    Raises:
        ConfigurationError: one of them is missing, or cannot be used.
    """
    if "ssl_certfile" not in options:
        raise ConfigurationError(
            "the Redis URL names an ssl_keyfile and no certificate",
            "add ssl_certfile=/path/to/certificate.pem",
        )
    certificate = options["ssl_certfile"]
    key = options.get("ssl_keyfile", certificate)
    if "CERTIFICATE-----" not in _read(certificate):
        raise _unusable("ssl_certfile", certificate, "not a PEM file of certificates")
    named, text = "ssl_keyfile" if key != certificate else "ssl_certfile", _read(key)
    if "PRIVATE KEY-----" not in text:
        raise _unusable(named, key, "it holds no private key in PEM")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_cert_chain(certificate, key, options.get("ssl_password", ""))
    except (OSError, ValueError) as error:
        if "ENCRYPTED" in text:
            why = "ssl_password does not open it"
        elif getattr(error, "reason", None) == MISMATCH:
            why = "it is not the key of that certificate"
        else:
            why = "OpenSSL cannot read it"
        raise _unusable(named, key, why) from None


def _read(path: str) -> str:
    return read_text_file(Path(path), encoding="latin-1")


def _unusable(name: str, path: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"cannot use {name} of the Redis URL {path}: {why}",
        "name a PEM file: ssl_certfile=CERTIFICATE&ssl_keyfile=KEY[&ssl_password=...]",
    )
