"""TLS: whom we trust, the system's authorities and those of a file, and who we are.

OpenSSL waits at a pipe, asks the terminal for the password of a key, and says little.
What is wrong with a file is said here, in a sentence that names it. Our certificate is
shown to one server and its socket, and to nobody that notifications are handed on to.

Python 3.13 demands of certificates what those of private authorities often lack
(``VERIFY_X509_STRICT``). An authority that was named is trusted as older Pythons did.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import ClassVar

from msgspec import Struct

from notifyws.config.files import is_pipe_or_device, read_text_file
from notifyws.config.saved_login import can_keep_passwords, find_key_password
from notifyws.config.settings import Settings, environment_name
from notifyws.errors import ConfigurationError
from notifyws.models import Masked

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
            if is_pipe_or_device(path):
                message = f"cannot use {name} {path}: it is a pipe or a device"
                raise ConfigurationError(message, "name a regular file")
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


def checked_file(path: str, setting: str) -> str:
    """Return the text of a file; OpenSSL waits at a pipe, and reads for ever.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return read_text_file(Path(path), encoding="latin-1")
    except ConfigurationError as error:
        raise _unusable(path, setting, error.message) from None


def _unusable(
    path: str, setting: str, why: str, hint: str = "name a PEM file of certificates"
) -> ConfigurationError:
    return ConfigurationError(f"cannot use {setting} {path}: {why}", hint)


MISMATCH = "KEY_VALUES_MISMATCH"


class KeyPair(Masked, frozen=True):
    """A certificate and its private key, in PEM.

    Args:
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


def pair_of(settings: Settings) -> KeyPair | None:
    """Return the pair that the settings name; ``None`` without one.

    Where no password is set, the keyring is asked for that of a key that is encrypted.

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
        if "ENCRYPTED" in checked_file(path, KEY if key else CERT):
            password = find_key_password(str(Path(path).resolve())) or ""
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
    certificate, key = pair.certificate, pair.key or pair.certificate
    named = names.key if key != certificate else names.certificate
    shown, text = checked_file(certificate, names.certificate), checked_file(key, named)
    if "CERTIFICATE-----" not in shown:
        why = "not a PEM file of certificates"
        raise _unusable(certificate, names.certificate, why, names.hint)
    if "PRIVATE KEY-----" not in text:
        raise _unusable(key, named, "it holds no private key in PEM", names.hint)
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
        raise _unusable(key, named, why, hint) from None
