"""An HTTP target for forwarding, in a thread: it keeps what it is sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Posted:
    """One request."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def title(self) -> str:
        return json.loads(self.body)["title"]


class Target(ThreadingHTTPServer):
    """Answers as it is told: a status, or one with headers, or seconds to wait.

    Attributes:
        answers: the next answers, then 200 for ever.
        posted: everything that was sent.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers: list[Any] = []
        self.posted: list[Posted] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Target

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.posted.append(Posted(headers, body, time.monotonic()))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        status, said = answer if isinstance(answer, tuple) else (answer, {})
        self.send_response(status)
        for name, value in {"Content-Length": "0", **said}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def target(port: int = 0) -> Iterator[Target]:
    """A target for as long as the ``with`` lasts."""
    started = Target(port)
    try:
        yield started
    finally:
        started.stop()
