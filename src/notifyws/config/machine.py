"""This machine: its clock, its sleep and dice, and whom it trusts."""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
import time
from pathlib import Path

from notifyws.clock import Clock
from notifyws.config.text_files import read_text_file
from notifyws.errors import ConfigurationError

__all__ = ["real_clock", "trust"]


def real_clock() -> Clock:
    """Return the real clock, sleep and dice."""
    return Clock(
        now=time.monotonic,
        wall=time.time,
        sleep=asyncio.sleep,
        dice=random.random,
        secret=lambda: secrets.token_hex(16),
        suspended=suspended,
    )


def suspended() -> float:
    """Return the seconds this machine has slept since it was started."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    if hasattr(time, "CLOCK_UPTIME_RAW"):  # macOS: the one that stands while it sleeps
        return time.monotonic() - time.clock_gettime(time.CLOCK_UPTIME_RAW)
    return 0.0


def trust(ca_file: str) -> ssl.SSLContext:
    """Return whom to trust: the system's authorities, and those of a file.

    Args:
        ca_file: a PEM file of certificates; empty for none.

    Raises:
        ConfigurationError: the file cannot be used, or the one that the environment
            has all keys of TLS written to.
    """
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
