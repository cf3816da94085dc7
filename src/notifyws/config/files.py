"""Files that we read and write: nothing blocks us, nobody else reads what is ours.

Texts that a person wrote are read at once, whole and not without end. What we write
is its owner's alone, in folders that are, too, and appears whole or not at all. A
folder of ours may be a link; one that another user owns is none of ours, and a file
of ours is no link: either would let somebody say what we read, or where we write.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Literal

from notifyws.errors import ConfigurationError

LIMIT = 1 << 20
"""Bytes of the largest text that is read."""
MARK = "\ufeff"
"""The byte order mark that some editors put first in a file of UTF-8."""
NO_HOME = "/dev/null/notifyws"
"""Where nobody can make a folder."""
WITHOUT_WAITING = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
"""How a file is opened that may be a pipe or a terminal."""


def user_folder(kind: Literal["config", "state", "cache"]) -> Path:
    """Return a folder of ours, as the system has it; it need not be there.

    A user without a home (``docker run --user 4711``) has one that cannot be made, so
    that whoever wants to keep something there says so and goes on in memory.
    """
    import platformdirs

    try:
        return Path(getattr(platformdirs, f"user_{kind}_path")("notifyws"))
    except (RuntimeError, KeyError):  # neither HOME nor an entry among the users
        return Path(NO_HOME) / kind


def open_regular(path: Path) -> int:
    """Return a descriptor to read a regular file with.

    A named pipe is not waited for, and a device is not read.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    return _regular(os.open(path, os.O_RDONLY | WITHOUT_WAITING))


def open_to_append(path: Path, *, ours: bool) -> int:
    """Return a descriptor to append to a regular file with, made where it is not there.

    It can be read as well, where that is allowed (see :func:`is_torn`).

    Args:
        ours: whether its place is ours to choose, so that it must be no link.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    flags = os.O_APPEND | os.O_CREAT | WITHOUT_WAITING
    opened = _opened_as_ours if ours else _opened
    try:
        return _regular(opened(path, flags | os.O_RDWR))
    except PermissionError:
        return _regular(opened(path, flags | os.O_WRONLY))


def is_torn(descriptor: int) -> bool:
    """Return whether the last line of a file does not end, as far as can be seen."""
    try:
        size = os.fstat(descriptor).st_size
        return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    except OSError:
        return False


def append_line(descriptor: int, line: bytes) -> None:
    """Append a line where a line begins: what was left torn is closed first.

    Raises:
        OSError: not all of it was written; what others appended meanwhile stays.
    """
    whole = b"\n" + line if is_torn(descriptor) else line
    if os.write(descriptor, whole) != len(whole):
        raise OSError(None, "the disk is full")


def _opened(path: Path, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _opened_as_ours(path: Path, flags: int) -> int:
    """Open a file that is no link.

    Raises:
        OSError: it is one, or cannot be opened.
    """
    try:
        return _opened(path, flags | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise OSError(errno.ELOOP, "it is a link, and no file of ours") from None
        raise


def _regular(descriptor: int) -> int:
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = "folder" if stat.S_ISDIR(mode) else "pipe or a device"
        raise OSError(errno.EINVAL, f"it is a {kind}, no regular file")
    return descriptor


def is_pipe_or_device(path: str) -> bool:
    """Return whether a library would wait at a path; not at the empty device."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or path == os.devnull)


def read_text_file(
    path: Path,
    what: str = "file",
    *,
    required: bool = True,
    encoding: str = "utf-8-sig",
    limit: int = LIMIT,
) -> str:
    """Return the text of a file, its line ends as they are.

    Args:
        what: what it is, for the sentence that says it is not there.
        required: whether one that is not there is an error, and not empty.
        encoding: what its bytes are; by default a byte order mark is dropped.
        limit: bytes that it may have.

    Raises:
        ConfigurationError: it is not there, no regular file, too large, no text.
    """
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        if not required:
            return ""
        message = f"there is no {what} {path}"
        raise ConfigurationError(message, "check the path") from None
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        odd = error.errno == errno.EINVAL
        hint = "rename it, or name another file" if odd else "check its permissions"
        raise ConfigurationError(message, hint) from None
    if len(data) > limit:
        message = f"{path} is larger than {limit >> 20} MiB"
        raise ConfigurationError(message, "name another file")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        message = f"{path} is not UTF-8 text"
        raise ConfigurationError(message, "save it as UTF-8") from None


def is_anothers(path: Path) -> bool:
    """Return whether a file or folder is another user's, who could put in anything.

    What the superuser made is trusted, and the superuser takes what is there.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        return path.stat().st_uid not in (os.geteuid(), 0) and os.geteuid() != 0
    return False


def demand_not_anothers(path: Path, meant: str) -> None:
    """Raise where another user made a file that was found and not named.

    Args:
        path: the file; it need not be there.
        meant: how to say that it is meant.

    Raises:
        ConfigurationError: another user did: it could name where our password goes.
    """
    if is_anothers(path):
        message = f"another user owns {path}, and it says where credentials go"
        raise ConfigurationError(message, f"take it over with chown, or {meant}")


def private_folder(path: Path) -> None:
    """Make a folder and those above it, 0700 each where it was not there.

    ``Path.mkdir`` leaves those above to the umask.

    Raises:
        OSError: it cannot be made, or it is to be ours and another user owns it.
    """
    _demand_own(path)
    if path.is_dir():
        return
    if path.is_relative_to(NO_HOME):
        raise NotADirectoryError(errno.ENOTDIR, "there is no home folder")
    private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def _demand_own(path: Path) -> None:
    """Raise where another user owns a folder of ours, or one in it.

    A folder that somebody named may be shared, and is taken as it is.

    Raises:
        OSError: one does.
    """
    ours = {user_folder("config"), user_folder("state"), user_folder("cache")}
    inside = next((each for each in (path, *path.parents) if each in ours), None)
    if inside is None:
        return
    for folder in (inside, path):
        if is_anothers(folder):
            raise PermissionError(errno.EPERM, f"another user owns {folder}")


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner can read, whole or not at all.

    The draft is made anew: one that lies there, or a link, may be somebody's trap.

    Raises:
        OSError: it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def locked(path: Path) -> int:
    """Return the descriptor of a lock file; to close it gives the lock back.

    The file stays: where it were removed, two could hold a lock of one name.

    Raises:
        BlockingIOError: another process holds the lock.
        OSError: the file cannot be made, or is a link.
    """
    flags = os.O_CREAT | os.O_RDWR | WITHOUT_WAITING
    descriptor = _opened_as_ours(path, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
