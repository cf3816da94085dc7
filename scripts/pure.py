"""Runs the tests of the pure floors alone and wants every branch of them covered."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    "values",
    "patterns",
    "errors",
    "models",
    "events",
    "settings",
    "world",
    "samples",
    "reconnect",
    "backoff",
    "coerce",
    "urls",
    "selection",
    "shaping",
    "since",
    "composing",
    "held",
    "listeners",
    "keeping",
    "codec",
    "troubles",
    "protocol",
)
"""Floors 0 and 1."""


def main() -> int:
    """Run them; return pytest's exit code."""
    tests = [str(ROOT / "tests" / f"test_{name}.py") for name in MODULES]
    present = [name for name in tests if Path(name).exists()]
    sources = [f"--cov=notifyws.{name}" for name in MODULES]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pytest",
            *present,
            str(ROOT / "tests/protocol"),
            str(ROOT / "tests/troubles"),
        ]
        command += [*sources, "--cov-branch", "--cov-fail-under=100"]
        command += ["--cov-report=term-missing:skip-covered", "-p", "no:cacheprovider"]
        env = {**os.environ, "COVERAGE_FILE": f"{folder}/data"}
        done = subprocess.run(command, env=env, cwd=ROOT, check=False)  # noqa: S603 - our own tests
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
