"""``send --lines`` beside a bare loop that sends: 100,000 messages, all confirmed."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measuring import Row, in_turn
from bench.peers import BARE, NOTIFYWS, PYTHON
from bench.running import blaster, home

COUNT, ROUNDS = 100_000, 3


def measured(wanted: Sequence[str]) -> Iterator[Row]:
    """Measure both from their start to their end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "messages.jsonl"
        lines = (
            json.dumps({"type": "note", "payload": {"title": "x"}, "id": str(number)})
            for number in range(COUNT)
        )
        path.write_text("\n".join(lines) + "\n")
        with blaster() as server, home(server.url) as env:
            send = [NOTIFYWS, "send", "--lines"]
            loop = [PYTHON, BARE, "send", server.url, str(COUNT)]
            contestants = {
                "ours": lambda: COUNT / took(send, env, path),
                "loop": lambda: COUNT / took(loop, None, path),
            }
            rounds = in_turn(contestants, ROUNDS)
    yield rounds.row("send", "ours", "loop", lambda rate: f"{rate:,.0f}/s")


def took(command: list[str], env: dict[str, str] | None, path: Path) -> float:
    """Return the seconds that a command takes with a file as its stdin."""
    started = time.perf_counter()
    with path.open() as stdin:
        done = subprocess.run(
            command, env=env, stdin=stdin, check=True, capture_output=True, text=True
        )
    if "Delivered" in done.stderr:
        assert f"Delivered {COUNT} of {COUNT}" in done.stderr, done.stderr
    return time.perf_counter() - started
