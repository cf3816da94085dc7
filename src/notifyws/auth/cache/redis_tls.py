"""The files that a Redis URL names for TLS, looked at before anybody is asked."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from notifyws.config.client_certificate import KeyPair, PairNames, load_pair
from notifyws.config.tls import NOT_DEMANDED, checked_file, trust
from notifyws.errors import ConfigurationError

AUTHORITIES = {"ssl_ca_certs", "ssl_ca_path", "ssl_ca_data"}
FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
NAMES = PairNames(
    "ssl_certfile of the Redis URL",
    "ssl_keyfile of the Redis URL",
    "ssl_password",
    "name a PEM file: ssl_certfile=CERTIFICATE&ssl_keyfile=KEY[&ssl_password=...]",
)


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
    key = options.get("ssl_keyfile", "")
    pair = KeyPair(options["ssl_certfile"], key, options.get("ssl_password", ""))
    load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), pair, NAMES)
