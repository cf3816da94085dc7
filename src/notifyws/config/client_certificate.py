"""Who we are over TLS: a certificate of ours and its key, looked at before use.

OpenSSL waits at a pipe, asks the terminal for the password of a key, and says little.
What is wrong with a file is said here, in a sentence that names it. A certificate is
shown to one server and its socket, and to nobody that notifications are handed on to.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from msgspec import Struct

from notifyws.config.files import read_text_file
from notifyws.config.saved_login import can_keep_passwords, find_key_password
from notifyws.config.settings import Settings, environment_name
from notifyws.config.tls import checked_file
from notifyws.errors import ConfigurationError
from notifyws.models import Masked

MISMATCH = "KEY_VALUES_MISMATCH"


class KeyPair(Masked, frozen=True):
    """A certificate and its private key, in PEM.

    Args:
        certificate: its file.
        key: the key's file; empty where the certificate's holds it too.
        password: opens the key; empty where it is not encrypted.
    """

    masked: ClassVar = ("password",)

    certificate: str
    key: str = ""
    password: str = ""


class PairNames(Struct, frozen=True):
    """What the settings are called that name a pair, and how to correct them."""

    certificate: str
    key: str
    password: str
    hint: str
    lacking: str = ""


CERT, KEY = environment_name("client_cert"), environment_name("client_key")
PASSWORD = environment_name("client_key_password")
OURS = PairNames(
    CERT,
    KEY,
    PASSWORD,
    f"name PEM files: {CERT}=CERTIFICATE {KEY}=KEY [{PASSWORD}=...]",
    f"set {PASSWORD}, or keep it: keyring set notifyws 'key {{path}}'",
)


def pair_of(
    settings: Settings, find: Callable[[str], str | None] = find_key_password
) -> KeyPair | None:
    """Return the pair that the settings name; ``None`` without one.

    Args:
        settings: name the files, and the password of the key.
        find: returns the password that the keyring holds for a key's absolute path;
            asked only about a key that is encrypted, where none is set.

    Raises:
        ConfigurationError: a key is named without its certificate, or a file cannot be
            read.
    """
    certificate, key = settings.client_cert, settings.client_key
    if not certificate:
        if key:
            message = f"{KEY} names a key, and {CERT} no certificate"
            raise ConfigurationError(message, OURS.hint)
        return None
    password = settings.client_key_password
    if not password and settings.keyring and can_keep_passwords():
        path = key or certificate
        checked_file(path, KEY if key else CERT)
        if "ENCRYPTED" in _read(path):
            password = find(str(Path(path).resolve())) or ""
    return KeyPair(certificate, key, password)


def show_certificate(context: ssl.SSLContext, settings: Settings) -> ssl.SSLContext:
    """Return the context, which shows servers our certificate if there is one.

    Raises:
        ConfigurationError: it cannot be used; says why.
    """
    pair = pair_of(settings)
    if pair is not None:
        load_pair(context, pair, OURS)
    return context


def load_pair(context: ssl.SSLContext, pair: KeyPair, names: PairNames) -> None:
    """Have a context show a certificate.

    Raises:
        ConfigurationError: one of the files cannot be used; says which and why.
    """
    for name, path in ((names.certificate, pair.certificate), (names.key, pair.key)):
        if path:
            checked_file(path, name)
    certificate, key = pair.certificate, pair.key or pair.certificate
    if "CERTIFICATE-----" not in _read(certificate):
        why = "not a PEM file of certificates"
        raise _unusable(names.certificate, certificate, why, names.hint)
    named, text = names.key if key != certificate else names.certificate, _read(key)
    if "PRIVATE KEY-----" not in text:
        raise _unusable(named, key, "it holds no private key in PEM", names.hint)
    try:  # without a password, OpenSSL would ask the terminal for one
        context.load_cert_chain(certificate, key, pair.password)
    except (OSError, ValueError) as error:
        hint = names.hint
        if "ENCRYPTED" in text and not pair.password and names.lacking:
            why, hint = "it wants a password", names.lacking
            hint = hint.format(path=Path(key).resolve())
        elif "ENCRYPTED" in text:
            why = f"{names.password} does not open it"
        elif getattr(error, "reason", None) == MISMATCH:
            why = "it is not the key of that certificate"
        else:
            why = "OpenSSL cannot read it"
        raise _unusable(named, key, why, hint) from None


def _read(path: str) -> str:
    return read_text_file(Path(path), encoding="latin-1")


def _unusable(name: str, path: str, why: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"cannot use {name} {path}: {why}", hint)
