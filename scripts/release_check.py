"""Checks what would be released: builds it, reads it, and tries it alone.

The wheel goes into empty environments, with the oldest and with the newest of what
pyproject.toml allows, on the oldest and on the newest Python that is here. Nothing of
this folder is seen from there, and nothing is compiled. Other Pythons may be named:
``scripts/release_check.py /opt/python3.14/bin/python3``. What is read, and no process
started for it, stands in ``release_facts.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email import message_from_string
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import release_facts as facts
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
UV = str(Path(sys.executable).with_name("uv"))
ENDS = ("lowest-direct", "highest")
PATIENCE = 300
"""Seconds for one command, a slow package index included."""
LIST = ("python", "list", "--only-installed", "--output-format", "json")
TWINE = ("tool", "run", "--from", "twine==7.0.0", "twine", "check", "--strict")
SAY = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
USE_ALL = """\
import asyncio, notifyws
for name in notifyws.__all__: getattr(notifyws, name)
async def main():
    settings = notifyws.load_settings()
    async with notifyws.NotificationService(settings) as service:
        await service.connect()
        assert service.is_connected and service.get_user_id()
asyncio.run(main())
"""


class Refused(Exception):
    """Something is not as a release has to be."""


def run(*command: str, code: int = 0, **options: Any) -> str:
    """Run a command; return what it prints.

    Raises:
        Refused: it ends with another exit code than ``code``, or not in time.
    """
    given = {"timeout": PATIENCE, "capture_output": True, "text": True, **options}
    try:
        done = subprocess.run(command, check=False, **given)  # noqa: S603 - our own commands
    except subprocess.TimeoutExpired as late:
        raise Refused(f"{' '.join(command)}: not done in {late.timeout:g} s") from None
    if done.returncode != code:
        said = (done.stderr or done.stdout).strip()[-1500:]
        raise Refused(f"{' '.join(command)}: exit code {done.returncode}\n{said}")
    return str(done.stdout)


def uv(*words: str, cwd: Path = ROOT) -> str:
    """Run uv, which fetches no Python, as in the Makefile; return what it prints."""
    fixed = {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    return run(UV, *words, cwd=cwd, env={**os.environ, **fixed})


def say(text: str) -> None:
    """Say what was found."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Say something that does not stop a release."""
    sys.stderr.write(f"note: {text}\n")


def want_none(wrong: Sequence[str]) -> None:
    """Raise ``Refused`` with what is wrong, if anything is."""
    want(not wrong, "\n".join(wrong))


def want(true: object, words: str) -> None:
    """Raise ``Refused`` with these words unless something is so."""
    if not true:
        raise Refused(words)


def pythons(named: Sequence[str]) -> dict[tuple[int, ...], str]:
    """Return the oldest and the newest Python here, by version, or those named."""
    found = list(named)
    if not named:
        listed = json.loads(uv(*LIST))
        found = [each["path"] for each in listed if each["variant"] == "default"]
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
        found += map(str, sorted(pyenv.glob("versions/3.*/bin/python3")))
    known = {tuple(map(int, run(path, "-c", SAY).split("."))): path for path in found}
    least, newest = facts.promised_pythons(facts.project(ROOT))
    usable = {version: path for version, path in known.items() if version >= least}
    want(usable, f"no Python {facts.dotted(least)} or newer is here")
    for version in () if named else (least, newest):
        if not any(each[:2] == version for each in usable):
            note(f"Python {facts.dotted(version)} is not here, and was not tried")
    return usable if named else {v: usable[v] for v in {min(usable), max(usable)}}


def build(folder: Path) -> tuple[Path, Path]:
    """Build the source archive, and from it the wheel."""
    uv("build", "--out-dir", str(folder))
    (archive,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return archive, wheel


def read(archive: Path, wheel: Path) -> str:
    """Check both archives' files and metadata, and the changelog; return a summary."""
    tracked = set(run("git", "-C", str(ROOT), "ls-files", "src/notifyws").splitlines())
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    wrong = facts.wrong_files(names, {each.removeprefix("src/") for each in tracked})
    metadata = message_from_string(metadata_of(wheel))
    wrong += facts.wrong_metadata(metadata, facts.project(ROOT))
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    wrong += facts.wrong_changelog(changelog, metadata["Version"])
    for each in facts.not_final(changelog, metadata["Version"]):
        note(each)
    want_none(wrong)
    uv(*TWINE, str(archive), str(wheel))
    sizes = ", ".join(
        f"{each.name} {each.stat().st_size // 1024} KiB" for each in (archive, wheel)
    )
    return f"{sizes}: {len(names)} files, metadata and changelog are right"


def metadata_of(wheel: Path) -> str:
    """Return the text of a wheel's METADATA."""
    with zipfile.ZipFile(wheel) as content:
        (name,) = [n for n in content.namelist() if n.endswith(".dist-info/METADATA")]
        return content.read(name).decode("utf-8")


class Environment:
    """An empty environment with the wheel in it.

    Args:
        place: where it is made.
        python: the interpreter.
        wheel: what is installed.
        extra: one of its extras, or none.
        end: which end of the allowed ranges.
    """

    def __init__(
        self, place: Path, python: str, wheel: Path, extra: str, end: str
    ) -> None:
        self.place, self.bin = place, place / "bin"
        place.mkdir(parents=True)
        self._env = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(place / "home")}
        wanted = facts.requirements(message_from_string(metadata_of(wheel)))
        direct = [*wanted[""], *(wanted[extra] if extra else ())]
        ours = f"notifyws[{extra}] @ {wheel.as_uri()}"
        uv("venv", "--python", python, str(place), cwd=place)
        flags = ("--only-binary", ":all:", "--resolution", end)
        to = ("--python", str(self.bin / "python"))
        uv("pip", "install", *flags, *to, *direct, ours, cwd=place)
        if end == "lowest-direct":
            want_none(facts.raised_bounds(direct, self.installed()))

    def installed(self) -> dict[str, str]:
        """Return name and version of all that is there."""
        return {
            canonicalize_name(each.name): each.version for each in self.distributions()
        }

    def distributions(self) -> Iterator[Any]:
        """Yield what is installed there."""
        (packages,) = self.place.glob("lib/python*/site-packages")
        yield from distributions(path=[str(packages)])

    def run(
        self,
        command: str,
        *more: str,
        code: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command that was installed there, in its home."""
        (self.place / "home").mkdir(exist_ok=True)
        name, *words = command.split()
        options = {"env": {**self._env, **(env or {})}, "cwd": self.place / "home"}
        return run(str(self.bin / name), *words, *more, code=code, **options)

    @contextmanager
    def server(self) -> Iterator[str]:
        """Run the development server; give its URL."""
        command = [str(self.bin / "notifyws"), "serve", "--port", "0"]
        with subprocess.Popen(  # noqa: S603 - our own command
            command, env=self._env, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stderr is not None
                said = (facts.url_in(line) for line in process.stderr)
                url = next(filter(None, said), "")
                want(url, "serve names no address")
                yield url
            finally:
                process.terminate()


def try_alone(make: Callable[[str], Environment]) -> set[tuple[str, str]]:
    """Install the wheel without extras, then with each alone; use what there is.

    Returns:
        The name and the licence of everything that was installed.
    """
    bare = make("")
    version = facts.version(ROOT)
    want(bare.run("notifyws --version") == f"notifyws {version}\n", "not its version")
    want("listen" in bare.run("notifyws --help"), "--help names no listen")
    bare.run("python -c", "import notifyws.service, notifyws.cli.listener")
    bare.run("python -c", "import click", code=1)  # httpx would import 50 ms of it
    bare.run("notifyws listen --demo", code=2)
    licences = set(facts.licences(bare.distributions()))
    for extra, module in facts.EXTRAS.items():
        with_extra = make(extra)
        with_extra.run("python -c", f"import {module}")
        licences |= set(facts.licences(with_extra.distributions()))
        if extra == "server":
            use(with_extra)
    return licences


def use(there: Environment) -> None:
    """Do what a newcomer does first, for real, with a server of our own."""
    lines = there.run("notifyws listen --demo --json -n 3 --timeout 60").splitlines()
    want(len(lines) == 3 and all(json.loads(each)["type"] for each in lines), "--demo")
    with there.server() as url:
        names = ("URL", "USERNAME", "PASSWORD")
        values = (url.replace("http", "ws"), "demo", "demo")
        keys = (f"WEBSOCKET_{'SERVER_' * (name == 'URL')}{name}" for name in names)
        env = dict(zip(keys, values, strict=True))
        there.run("notifyws auth login", env=env)
        want(there.run("notifyws token", env=env).count(".") == 2, "token is no JWT")
        sent = json.loads(there.run("notifyws send -m hello --json", env=env))
        want(sent["status"] == "delivered", f"send: {sent}")
        status = json.loads(there.run("notifyws status --check --json", env=env))
        want(status["ok"], f"status: {status}")
        there.run("python -W error -c", USE_ALL, env=env)


def check(named: Sequence[str], folder: Path) -> None:
    """Do all of it, in a folder that is empty; ``named`` are the Pythons to try."""
    archive, wheel = build(folder / "dist")
    say(read(archive, wheel))

    def one(version: tuple[int, ...], python: str, end: str) -> set[tuple[str, str]]:
        began, number = time.monotonic(), facts.dotted(version)
        place = folder / f"{number}-{end}"
        found = try_alone(
            lambda extra: Environment(place / f"x{extra}", python, wheel, extra, end)
        )
        took = time.monotonic() - began
        say(f"Python {number}, {end}: {len(found)} packages beside ours, {took:.0f} s")
        return found

    tries = [(*each, end) for each in pythons(named).items() for end in ENDS]
    with ThreadPoolExecutor(2) as pool:
        licences = set().union(*pool.map(one, *zip(*tries, strict=True)))
    say(facts.licence_table(licences))
    want_none(facts.wrong_licences(licences))


def main() -> int:
    """Check, and tell; return the exit code."""
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            check(sys.argv[1:], Path(folder))
    except Refused as error:
        sys.stderr.write(f"no release: {error}\n")
        return 1
    say(f"ready, after {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
