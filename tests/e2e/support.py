"""Runs the installed command and a development server, each in its own process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from notifyws.devserver.server import DevServer, ServerOptions
from tests.support.aio import InAThread
from tests.support.forks import Forks
from tests.support.within import within

COMMAND = str(Path(sys.executable).with_name("notifyws"))
PATIENCE = 40.0
"""Seconds: a machine that runs floods beside this is slow to start a process."""

NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""For one whose files may not grow: it would leave half a module for all others."""


def until(true: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Look again and again until something is so; return it."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited {patience} s in vain for {what}")


def plain_http() -> httpx.Client:
    """Return a client without authorities, which take 30 ms to read, nor a proxy."""
    return httpx.Client(trust_env=False, verify=False)


class Reading:
    """What a process writes to one stream, line by line, each with its time."""

    def __init__(self, stream: Any) -> None:
        self.lines: list[str] = []
        self.times: list[float] = []
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: Any) -> None:
        if stream is None:
            return
        with stream:
            for line in stream:
                self.times.append(time.monotonic())
                self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def finish(self) -> None:
        self._thread.join(PATIENCE)


class Running:
    """A command that runs, started or copied, or another program."""

    def __init__(
        self,
        *args: str,
        env: Mapping[str, str],
        program: Sequence[str] = (COMMAND,),
        forks: Forks | None = None,
        **options: Any,
    ) -> None:
        pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
        streams = {"stdin": subprocess.DEVNULL, **pipes, **options}
        text = {"text": True, "errors": "surrogateescape"}
        self.process: Any = (
            forks.start(args, env, **streams)
            if forks
            else subprocess.Popen([*program, *args], env=dict(env), **text, **streams)
        )
        self.out = Reading(self.process.stdout)
        self.err = Reading(self.process.stderr)

    def says(self, words: str, times: int = 1) -> None:
        """Wait for words on stderr."""
        until(
            lambda: self.err.text.count(words) >= times,
            f"{words!r} x{times} in {self.err.text!r}",
        )

    def prints(self, count: int) -> list[Any]:
        """Wait for so many lines of JSON on stdout; return them."""
        until(
            lambda: len(self.out.lines) >= count,
            f"{count} lines; stderr: {self.err.text!r}",
        )
        return self.said

    @property
    def said(self) -> list[Any]:
        """Its lines of JSON on stdout until now."""
        return [json.loads(line) for line in self.out.lines]

    def end(self, signum: int = signal.SIGTERM) -> int:
        """Signal it; return its code when it has ended."""
        self.signal(signum)
        return self.wait()

    def wait(self, patience: float = PATIENCE) -> int:
        if self.process.stdin is not None:
            self.process.stdin.close()
        code = self.process.wait(patience)
        self.out.finish()
        self.err.finish()
        return code

    def signal(self, signum: int) -> None:
        self.process.send_signal(signum)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


class Controlled:
    """A development server that is steered through its control side."""

    port: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def dev(self, name: str, body: Any = None) -> Any:
        """Ask the control side; ``None`` gets, anything else posts."""
        url = f"http://127.0.0.1:{self.port}/_dev/{name}"
        with plain_http() as client:
            answer = client.get(url) if body is None else client.post(url, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    @property
    def stats(self) -> dict[str, Any]:
        return self.dev("stats")

    def notify(self, *numbers: int) -> None:
        """Publish notifications with these numbers as their titles."""
        self.dev("notify", [{"type": "t", "title": str(n)} for n in numbers])


class Process(Running, Controlled):
    """A development server as a user starts it: a process that can be signalled."""

    def __init__(self, *args: str, port: int = 0, **how: Any) -> None:
        super().__init__("serve", "--port", str(port), "-v", *args, **how)
        found = until(
            lambda: re.search(r"ws://127\.0\.0\.1:(\d+)", self.err.text),
            f"the server's address in {self.err.text!r}",
        )
        self.port = int(found[1])


class Server(Controlled):
    """The same development server in a thread of the tests, which starts at once."""

    def __init__(self, **options: Any) -> None:
        self._thread, self._stopped = InAThread(), False
        self._server = DevServer(ServerOptions(**{"port": 0, **options}))
        self._thread.do(self._server.start())
        self.port = self._server.port

    def stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        self._thread.do(self._server.stop())
        self._thread.stop()


class Home:
    """An empty home: runs commands in it, and ends what still runs.

    With ``forks``, what is not run to its end is a copy of a command that was started,
    unless it is to be another program, or ``COMMAND``: what a copy takes of memory, and
    its command line, are not its own.
    """

    def __init__(self, path: Path, forks: Forks | None = None) -> None:
        self.path, self._forks = path, forks
        self.env = {
            "HOME": str(path),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PYTHON_KEYRING_BACKEND": os.environ["PYTHON_KEYRING_BACKEND"],
            "PYDANTIC_DISABLE_PLUGINS": "__all__",  # to look for some takes 40 ms
        }
        for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self._running: list[Running] = []

    def use(self, server: Controlled) -> None:
        """Make a server the configured one."""
        self.env |= {
            "WEBSOCKET_SERVER_URL": server.url,
            "WEBSOCKET_USERNAME": "demo",
            "WEBSOCKET_PASSWORD": "demo",
        }

    def run(
        self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return self._run([COMMAND, *args], env or {}, input=stdin)

    def within(
        self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end in this process, which takes a tenth of it."""
        return within([*args], {**self.env, **(env or {})}, self.path, stdin)

    def shell(self, text: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a text of bash, for which ``notifyws`` is the command."""
        path = f"{Path(COMMAND).parent}:{self.env['PATH']}"
        return self._run(["bash", "-c", text], {"PATH": path, **env})

    def _run(
        self, words: Sequence[str], env: Mapping[str, str], **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            env={**self.env, **env},
            cwd=self.path,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=60,
            check=False,
            **options,
        )

    def start(
        self, *args: str, env: Mapping[str, str] | None = None, **how: Any
    ) -> Running:
        """Start it; what is written in capitals is for its environment."""
        more = {name: how.pop(name) for name in list(how) if name.isupper()}
        whole = {**self.env, **(env or {}), **more}
        forks = self.forks_for({**(env or {}), **more}, how.get("program"))
        running = Running(*args, env=whole, cwd=self.path, forks=forks, **how)
        self.keep(running)
        return running

    def forks_for(self, env: Mapping[str, str], program: Any = ()) -> Forks | None:
        """Return what makes copies, where a copy does: not for an interpreter's own."""
        more = env.items() - self.env.items()
        of_python = any(name.startswith("PYTHON") for name, _ in more)
        return None if program or of_python else self._forks

    def keep(self, running: Running) -> None:
        """Let it end with this home."""
        self._running.append(running)

    def serve(self, *args: str, port: int = 0) -> Process:
        how = {"env": self.env, "cwd": self.path, "forks": self._forks}
        server = Process(*args, port=port, **how)
        self._running.append(server)
        return server

    def listen(self, *args: str, **env: str) -> Running:
        """Start a listener and wait until it is connected."""
        listener = self.start("listen", *args, **env)
        listener.says("Connected")
        return listener

    def leave(self) -> None:
        for running in reversed(self._running):
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGCONT)
            running.stop()


@contextmanager
def home(path: Path, forks: Forks | None = None) -> Iterator[Home]:
    lived_in = Home(path, forks)
    try:
        yield lived_in
    finally:
        lived_in.leave()
