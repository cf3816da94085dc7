"""Runs the command in the process of the tests: the same, but for its start.

A command takes 0.3 s of a processor to start and a tenth of that for what it does. So
tests of what it says and does need no process of their own; those of signals, of
descriptors and of what it imports do.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO, NoReturn
from unittest import mock

import pytest

from notifyws.cli.imports import UNUSED


class _Left(BaseException):
    """The command has ended its process, with this code."""


def _leave(code: int) -> NoReturn:
    raise _Left(code)


def within(
    args: list[str], env: Mapping[str, str], folder: Path, stdin: str = ""
) -> CompletedProcess[str]:
    """Run ``notifyws`` with this environment, in this folder, to its end."""
    from notifyws.cli import app

    with _caught(1) as out, _caught(2) as err:
        try:
            with _placed(args, env, folder, stdin):
                app.main()
        except _Left as left:
            (code,) = left.args
        texts = [_text(each) for each in (out, err)]
    return CompletedProcess(args, code, *texts)


@contextmanager
def _placed(
    args: list[str], env: Mapping[str, str], folder: Path, stdin: str
) -> Iterator[None]:
    """Have this process be one that was started so, and afterwards itself again."""
    given = TextIOWrapper(BytesIO(stdin.encode(errors="surrogateescape")), "utf-8")
    with (
        pytest.MonkeyPatch.context() as patch,
        mock.patch.dict(os.environ, env, clear=True),
        open(2, "w", encoding="utf-8", closefd=False) as talk,
    ):
        patch.chdir(folder)
        patch.setattr(os, "_exit", _leave)
        for name in ("freeze", "set_threshold"):  # what it leaves behind is garbage
            patch.setattr(gc, name, lambda *numbers: None)
        for name in UNUSED:  # as it is for every command
            patch.setitem(sys.modules, name, None)
        streams = {"stdin": given, "stdout": sys.stdout, "stderr": talk}
        for name, value in {**streams, "argv": ["notifyws", *args]}.items():
            patch.setattr(sys, name, value)
        yield


@contextmanager
def _caught(descriptor: int) -> Iterator[IO[bytes]]:
    """Have a file in the place of a descriptor."""
    kept = os.dup(descriptor)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), descriptor)
            yield file
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="surrogateescape")
