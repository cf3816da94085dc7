"""Runs the tests of the pure modules alone and wants every branch of them covered.

Which modules are pure is said once: in the contract of that name in pyproject.toml.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def pure_modules() -> list[str]:
    """Return the modules and packages that the contract names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    return next(
        each["source_modules"] for each in contracts if each.get("id") == "pure"
    )


def tests_of(module: str) -> list[str]:
    """Return the tests of a package, or of a module: all that are called after it."""
    *rooms, name = module.split(".")[1:]
    folder = ROOT.joinpath("tests", *rooms)
    package = folder / name
    found = package.glob("test_*.py") if package.is_dir() else ()
    return [str(path) for path in (*found, *folder.glob(f"test_*{name}.py"))]


def main() -> int:
    """Run them; return pytest's exit code."""
    modules = pure_modules()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    command += [test for module in modules for test in tests_of(module)]
    command += [f"--cov={module}" for module in modules]
    command += ["--cov-branch", "--cov-fail-under=100"]
    command += ["--cov-report=term-missing:skip-covered"]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "COVERAGE_FILE": f"{folder}/data"}
        done = subprocess.run(command, env=env, cwd=ROOT, check=False)  # noqa: S603 - our own tests
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
