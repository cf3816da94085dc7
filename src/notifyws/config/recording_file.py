"""The file of a recording: written for its owner alone, compressed by its ending.

It is a new file, or an empty one: nothing that is there is written over, no link is
followed, and no pipe is waited for. What a disk does not take ends the recording with
one sentence, and nothing else.
"""

from __future__ import annotations

import errno
import gzip
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from notifyws.config.files import open_regular
from notifyws.errors import ConfigurationError

FLUSHED_AFTER = 1.0
"""Seconds that what was compressed may wait: each time costs some of what is saved."""
LARGEST = 256 << 20
"""Bytes of memory of the largest recording that is read: all of it is kept."""
OWN = 200
"""Of them, what a line takes beside its text."""
TORN = b"?"
"""A line that cannot be read to its end."""
OPTION = "--record"


class RecordingFile:
    """Writes lines to a new file.

    Args:
        path: the file; ``.gz`` and ``.zst`` are compressed.
        warn: is told, once, that it cannot be written.

    Raises:
        ConfigurationError: it cannot be made, or holds something.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path, self._warn = path, warn
        wrapped = _writer(path.suffix)
        try:
            self._raw = os.fdopen(_descriptor(path), "wb")
        except OSError as error:
            message = f"cannot record to {path}: {error.strerror}"
            hint = f"give {OPTION} the name of a new file"
            raise ConfigurationError(message, hint) from None
        self._file: IO[bytes] | None = wrapped(self._raw)
        self._flushed_at = time.monotonic()

    def write(self, line: str) -> None:
        """Append a line; never raises."""
        if self._file is None:
            return
        try:
            self._file.write(line.encode())
            now = time.monotonic()
            if self._file is self._raw or now - self._flushed_at >= FLUSHED_AFTER:
                self._file.flush()
                self._raw.flush()
                self._flushed_at = now
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Write what waits, and close; never raises."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.close()
            self._raw.close()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        said = error.strerror or str(error)
        self._warn(f"the recording {self._path} ends here: {said}")
        self._file = None
        with suppress(OSError):
            self._raw.close()


def _descriptor(path: Path) -> int:
    """Return a descriptor of a file that is new, or ours and empty.

    Raises:
        OSError: there is something else.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.is_symlink():
            raise OSError(errno.ELOOP, "it is a link, and none is followed") from None
    os.close(open_regular(path))
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if os.fstat(descriptor).st_size:
            raise OSError(errno.EEXIST, "it is there already, and not empty")
        os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _writer(suffix: str) -> Callable[[IO[bytes]], IO[bytes]]:
    match suffix.lower():
        case ".gz":
            return lambda raw: cast("IO[bytes]", gzip.GzipFile("", "wb", 6, raw))
        case ".zst":
            zstd = _zstd()
            return lambda raw: zstd.ZstdFile(raw, "w")
        case _:
            return lambda raw: raw


def _zstd() -> Any:
    """Return the module of the standard library.

    Raises:
        ConfigurationError: this Python is older than 3.14.
    """
    try:
        from compression import zstd  # type: ignore[import-not-found]
    except ImportError:
        message = "this Python knows no .zst: it came with 3.14"
        raise ConfigurationError(message, "name the file .jsonl.gz") from None
    return zstd


def read_lines(path: Path, largest: int = LARGEST) -> Iterator[bytes]:
    """Yield the lines of a recording, their ends included; the last one may be torn.

    Args:
        largest: bytes that they may take in memory.

    Raises:
        ConfigurationError: it is not there, or cannot be read.
    """
    suffix = path.suffix.lower()
    zstd = _zstd() if suffix == ".zst" else None
    broken = (EOFError, zlib.error) + ((zstd.ZstdError,) if zstd else ())
    try:
        with os.fdopen(open_regular(path), "rb") as raw:
            file: IO[bytes] = raw
            if zstd is not None:
                file = zstd.ZstdFile(raw)
            elif suffix == ".gz":
                file = gzip.GzipFile(fileobj=raw)  # type: ignore[assignment]
            yield from _lines(path, file, broken, largest)
    except (FileNotFoundError, NotADirectoryError):
        message = f"there is no recording {path}"
        raise ConfigurationError(message, "check the path") from None
    except gzip.BadGzipFile:
        message = f"{path} is not compressed, as its name says"
        raise ConfigurationError(message, "name it .jsonl") from None
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ConfigurationError(message, "check its permissions") from None


def _lines(
    path: Path, file: Any, broken: tuple[Any, ...], largest: int
) -> Iterator[bytes]:
    """Yield lines as far as they can be read: a killed process leaves no end."""
    left = largest
    while True:
        try:
            line = file.readline(left)
        except broken:
            line = TORN
        left -= len(line) + OWN
        if left <= 0:
            break
        if line:
            yield line
        if not line.endswith(b"\n"):
            return
    said = f"{path} takes more than {largest >> 20} MiB of memory"
    raise ConfigurationError(said, "cut out what matters: it is JSON Lines")
