"""A server that sends as fast as a client reads, or at a rate, and costs little.

Speaks the default profile's wire: a login over HTTP, notifications over a WebSocket.
Frames are made before anybody connects, so that what is measured is the client. It
stays connected after the last one until the client leaves. A message that comes in
is counted and not answered; a ping is.

It prints ``port N`` when it listens, and for each connection ``sent T`` with the
monotonic moment at which the first frame left, ``got N`` with the messages that came.
With ``--held`` it prints ``open`` for each connection, and sends to those that are
there when a line comes on stdin.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PAGE = 500
"""Frames that are handed to the kernel at once."""
GO = threading.Event()
"""Set while frames may be sent."""
TOKENS = {
    "accessToken": "access-token",
    "refreshToken": "refresh-token",
    "expiresIn": 900,
    "refreshExpiresIn": 604800,
    "userId": "42",
}


def text_of(number: int, size: int, title: str = "") -> bytes:
    """Return a notification of ``size`` bytes with an id of its own."""
    begun = '{"type":"trip_update","id":"n%09d","title":"%s","message":"'
    begun %= number, title or f"Trip {number}"
    end = '","timestamp":"2024-01-15T10:30:00Z"}'
    return f"{begun}{'x' * (size - len(begun) - len(end))}{end}".encode()


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """Return a server's frame; ``0xC1`` as its first byte for a compressed one."""
    if len(payload) < 126:
        return struct.pack("!BB", first, len(payload)) + payload
    return struct.pack("!BBH", first, 126, len(payload)) + payload


def pages(count: int, size: int, deflate: bool) -> list[bytes]:
    """Return all frames, ``PAGE`` of them in a piece."""
    import zlib

    squeeze = zlib.compressobj(wbits=-15)

    def framed(number: int) -> bytes:
        text = text_of(number, size)
        if not deflate:
            return frame(text)
        packed = squeeze.compress(text) + squeeze.flush(zlib.Z_SYNC_FLUSH)
        return frame(packed[:-4], 0xC1)

    frames = [framed(number) for number in range(count)]
    return [b"".join(frames[at : at + PAGE]) for at in range(0, count, PAGE)]


def serve(options: argparse.Namespace) -> None:
    """Accept connections until the process is ended."""
    ready = pages(options.count, options.size, options.deflate)
    listener = socket.create_server(("127.0.0.1", 0))
    say(f"port {listener.getsockname()[1]}")
    threading.Thread(target=let_go, args=(options,), daemon=True).start()
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(
            target=attend, args=(client, ready, options), daemon=True
        ).start()


def let_go(options: argparse.Namespace) -> None:
    """Have those who wait be sent to, when a line comes on stdin."""
    if not options.held or sys.stdin.readline():
        GO.set()


def attend(
    client: socket.socket, ready: list[bytes], options: argparse.Namespace
) -> None:
    """Answer a login, or upgrade and send."""
    with client:
        request = head_of(client)
        if b"upgrade: websocket" not in request.lower():
            answer_login(client)
            return
        client.sendall(upgraded(request, options.deflate))
        whole = threading.Lock()
        reading = threading.Thread(target=hear, args=(client, whole), daemon=True)
        reading.start()
        if options.held:
            say(f"open {time.monotonic()}")
        GO.wait()
        say(f"sent {time.monotonic()}")
        with suppress(OSError):  # who has seen enough leaves
            if options.rate:
                send_at(client, whole, options)
            for page in [] if options.rate else ready:
                with whole:
                    client.sendall(page)
        reading.join()


def send_at(
    client: socket.socket, whole: threading.Lock, options: argparse.Namespace
) -> None:
    """Send at a rate, each with the moment at which it left as its title."""
    start, number = time.monotonic(), 0
    while number < options.count:
        due = int((time.monotonic() - start) * options.rate) + 1
        while number < min(due, options.count):
            text = text_of(number, options.size, f"{time.monotonic():.6f}")
            with whole:
                client.sendall(frame(text))
            number += 1
        time.sleep(max(0.0, start + number / options.rate - time.monotonic()))


def head_of(client: socket.socket) -> bytes:
    """Return the head of a request, and whatever came with it."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = client.recv(65536)
        if not piece:
            break
        request += piece
    return request


def answer_login(client: socket.socket) -> None:
    """Answer any login with tokens."""
    body = json.dumps({"data": TOKENS}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    close = b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    client.sendall(head + close + body)


def upgraded(request: bytes, deflate: bool) -> bytes:
    """Return the answer to an upgrade."""
    lines = request.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    exact = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    key = next(v for k, v in exact.items() if k.lower() == "sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key.encode() + MAGIC).digest())
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    answer += b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n"
    if deflate and "permessage-deflate" in headers.get("sec-websocket-extensions", ""):
        answer += b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    return answer + b"\r\n"


def hear(client: socket.socket, whole: threading.Lock) -> None:
    """Count messages, answer pings, and answer the client's goodbye."""
    count = 0
    with suppress(OSError):
        for kind, payload in frames_of(client):
            if kind == 1:
                count += 1
            elif kind == 9:
                with whole:
                    client.sendall(frame(payload, 0x8A))
            elif kind == 8:
                say(f"got {count}")
                with whole:
                    client.sendall(frame(payload[:2], 0x88))
                client.shutdown(socket.SHUT_WR)
                return


def frames_of(client: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and content of each frame of a client."""
    stream = client.makefile("rb", buffering=1 << 20)
    while len(head := stream.read(2)) == 2:
        size = head[1] & 127
        if size == 126:
            (size,) = struct.unpack("!H", stream.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", stream.read(8))
        mask, payload = stream.read(4), stream.read(size)
        kind = head[0] & 15
        yield kind, payload if kind == 1 else unmasked(payload, mask)


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """Return what was masked."""
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", type=int, default=205)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--held", action="store_true")
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
