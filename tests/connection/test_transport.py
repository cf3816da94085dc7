"""The WebSocket adapter on real sockets: what it does, and what ends it."""

from __future__ import annotations

import asyncio
import gc
import socket
import traceback
import tracemalloc
import zlib
from contextlib import asynccontextmanager, suppress
from time import time
from unittest.mock import AsyncMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.auth.network_errors import retry_after
from notifyws.config.settings import Settings
from notifyws.connection.dialer import dial, translated
from notifyws.errors import (
    CertificateRejected,
    ConfigurationError,
    ConnectionLost,
    NetworkFailed,
    NotWebSocket,
    UpgradeRefused,
)
from notifyws.protocol.upgrade import UpgradeRequest
from notifyws.protocol.upgrade import upgrade_request as make_opening
from tests.protocol import DEFAULT
from tests.support.httpd import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    answer,
    framed,
    httpd,
    says,
    silence,
)
from tests.support.tls import Authority
from tests.support.valkey import free_port

SENTINEL = "sentinel-token-3f9c"
BEARER = {"Authorization": f"Bearer {SENTINEL}"}
QUICK = Settings(open_timeout=0.1, close_timeout=0.02)
PATIENT = Settings(open_timeout=5.0, close_timeout=0.05)
COMPRESSING = Settings(open_timeout=5.0, close_timeout=0.05, compression=True)
DEFLATE = {"Sec_WebSocket_Extensions": "permessage-deflate"}


@pytest.fixture(scope="module")
def authority():
    return Authority()


@asynccontextmanager
async def transport(story, settings=PATIENT, *, tls=None, trusted=None, **upgrade):
    """Give an open channel whose other end tells a story after the handshake."""

    async def whole(peer):
        await peer.upgrade(**upgrade)
        await story(peer)

    async with httpd(whole, tls) as server:
        one = await dial(UpgradeRequest(server.url, BEARER), settings, trusted)
        try:
            yield one
        finally:
            await one.close(1000, "")


async def all_of(one) -> tuple[list[str | bytes], ConnectionLost]:
    """Return all that a channel brings, and how it ends."""
    seen: list[str | bytes] = []
    try:
        while True:
            seen += await one.burst()
    except ConnectionLost as lost:
        return seen, lost


async def end_of(story, settings=PATIENT) -> ConnectionLost:
    """Return how a channel ends on which this story is told."""
    async with transport(story, settings) as one:
        return (await all_of(one))[1]


async def refusal(url, settings=PATIENT, tls=None, upgrade_request=None):
    """Return the error of a dial that must not succeed; it holds no token."""
    with pytest.raises(NetworkFailed) as caught:
        await dial(upgrade_request or UpgradeRequest(url, BEARER), settings, tls)
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert SENTINEL not in shown
    return caught.value


async def refused_by(story) -> NetworkFailed:
    """Return the error of a dial to one who tells this story; it names the host."""
    async with httpd(story) as server:
        error = await refusal(server.url)
    assert server.host in error.message
    assert len(error.message) < 500
    return error


# What passes


async def test_the_handshake_carries_header_subprotocols_and_our_name():
    async def story(peer):
        await peer.upgrade(Sec_WebSocket_Protocol="auth")
        await peer.hang()

    async with httpd(story) as server:
        upgrade_request = UpgradeRequest(
            f"{server.url}/live?a=b", BEARER, ("auth", "second")
        )
        one = await dial(upgrade_request, QUICK, None)
        await one.close(1000, "")
        asked = server.requests[0]
    assert asked.method == "GET"
    assert asked.target == "/live?a=b"
    assert asked.headers["authorization"] == BEARER["Authorization"]
    assert asked.headers["sec-websocket-protocol"].replace(" ", "") == "auth,second"
    assert asked.headers["user-agent"].startswith("notifyws/")
    assert "sec-websocket-extensions" not in asked.headers


async def test_compression_is_offered_only_when_asked_for():
    async def story(peer):
        await peer.upgrade()
        await peer.hang()

    async with httpd(story) as server:
        one = await dial(UpgradeRequest(server.url), COMPRESSING, None)
        await one.close(1000, "")
        headers = server.requests[0].headers
    assert "permessage-deflate" in headers["sec-websocket-extensions"]
    assert "sec-websocket-protocol" not in headers


async def test_text_arrives_as_str_binary_as_bytes_and_fragments_as_one():
    async def story(peer):
        await peer.say("héllo \U0001f600")
        await peer.frame(BINARY, b"\x00\xff")
        await peer.frame(TEXT, b"a", last=False)
        await peer.frame(PING, b"between")
        await peer.frame(0, b"b")
        await peer.frame(TEXT, b"")
        await peer.close(1000)

    async with transport(story) as one:
        seen: list[str | bytes] = []
        while len(seen) < 4:
            seen += await one.burst()
    assert seen == ["héllo \U0001f600", b"\x00\xff", "ab", ""]


async def test_it_knows_when_a_ping_came_that_nobody_reads():
    async def story(peer):
        await asyncio.sleep(0.01)
        await peer.frame(PING, b"there?")
        assert await peer.read() == (PONG, b"there?")

    async with transport(story) as one:
        opened_at = one.heard_at
        await all_of(one)
    assert one.heard_at > opened_at


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
async def test_it_does_not_matter_in_what_pieces_the_bytes_come(size):
    said = b"".join(
        [
            framed(TEXT, b"one"),
            framed(TEXT, b""),
            framed(TEXT, b"in ", last=False),
            framed(PING, b"between"),
            framed(0, b"parts"),
            framed(TEXT, "é".encode() * 100),
            framed(BINARY, b"\x00"),
            framed(TEXT, b"last"),
            framed(CLOSE, b"\x0f\xa0done"),
            framed(TEXT, b"too late"),
        ]
    )

    async def story(peer):
        for start in range(0, len(said), size):
            await peer.write(said[start : start + size])
            await asyncio.sleep(0)

    async with transport(story) as one:
        seen, lost = await all_of(one)
    assert seen == ["one", "", "in parts", "é" * 100, b"\x00", "last"]
    assert (lost.code, lost.reason) == (4000, "done")


async def test_frames_in_the_same_bytes_as_the_handshake_are_read():
    async def story(peer):
        peer.hold()
        await peer.upgrade()
        await peer.write(framed(TEXT, b"at once") + framed(TEXT, b"half")[:3])
        await peer.release()
        await asyncio.sleep(0.01)
        await peer.write(framed(TEXT, b"half")[3:])
        await peer.hang()

    async with httpd(story) as server:
        one = await dial(UpgradeRequest(server.url), PATIENT, None)
        assert await one.burst() == ["at once"]
        assert await one.burst() == ["half"]
        await one.close(1000, "")


async def test_what_came_before_a_text_that_is_none_is_read_first():
    async def story(peer):
        await peer.write(framed(TEXT, b"good") + framed(TEXT, b"\xff") * 2)
        await peer.hang()

    async with transport(story) as one:
        seen, lost = await all_of(one)
    assert (seen, lost.code, lost.sent) == (["good"], 1007, True)


async def test_who_waits_can_take_what_comes_before_it_is_woken():
    asked, taken = asyncio.Semaphore(0), []

    async def story(peer):
        for text in (b"1", b"2", b"3"):
            await asked.acquire()
            await peer.write(framed(TEXT, text) + framed(TEXT, b"more"))
        await peer.hang()

    def at_once(frames):
        asked.release()
        count = 1 if frames[0] == "3" else 2
        taken.extend(frames[:count])
        return count

    async with transport(story) as one:
        reading = asyncio.create_task(one.burst(at_once))
        await asyncio.sleep(0)
        asked.release()
        assert await reading == ["more"]
    assert taken == ["1", "more", "2", "more", "3"]


async def test_nothing_is_taken_once_nobody_waits():
    left = asyncio.Event()

    async def story(peer):
        await left.wait()
        await peer.say("late")
        await peer.hang()

    async with transport(story) as one:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.burst(len), 0.01)
        left.set()
        await asyncio.sleep(0.05)
        assert await one.burst() == ["late"]


async def test_what_comes_in_a_hurry_is_read_in_larger_bursts():
    async def story(peer):
        for _ in range(300):
            await peer.say("soon")
            await asyncio.sleep(0)
        await peer.close(1000)

    sizes = []
    async with transport(story) as one:
        while sum(sizes) < 300:
            sizes.append(len(await one.burst()))
    assert len(sizes) < 200


async def test_while_the_reader_rests_the_line_is_looked_at_less_often():
    async def story(peer):
        for _ in range(100):
            await peer.say("soon")
            await asyncio.sleep(0.002)
        await peer.hang()

    looks, read = set(), 0
    async with transport(story) as one:
        while read < 100:
            read += len(await one.burst())
            resting = time() + 0.05
            while time() < resting:
                looks.add(one.heard_at)
                await asyncio.sleep(0.0005)
    assert len(looks) < 50


async def test_who_does_not_read_lets_no_more_than_a_little_come():
    written = 0

    async def story(peer):
        nonlocal written
        for _ in range(400):
            await peer.write(framed(TEXT, b"x" * 60_000))
            written += 1
        await peer.hang()

    async with transport(story) as one:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                while written < 400:
                    await asyncio.sleep(0.01)
        assert written < 400
        read = 0
        while read < 400:
            read += len(await one.burst())
    assert written == 400


async def test_what_is_sent_is_one_masked_text_frame():
    read = []

    async def story(peer):
        read.append(await peer.read())

    async with transport(story) as one:
        await one.send_all(['{"type":"x"}'])
        await all_of(one)
    assert read == [(TEXT, b'{"type":"x"}')]


async def test_many_are_sent_in_their_order_and_pings_behind_them():
    texts = [f"{number} \U0001f600" for number in range(3000)] + [
        "x" * 200_000,
        "",
        "y",
    ]
    read = []

    async def story(peer):
        while not read or read[-1][0] != PING:
            read.append(await peer.read())
        await peer.frame(PONG, read[-1][1])

    async with transport(story) as one:
        await one.send_all(texts)
        await one.ping()
    assert read[:-1] == [(TEXT, text.encode()) for text in texts]


@pytest.mark.slow
async def test_many_wait_while_the_peer_reads_nothing():
    reads = asyncio.Event()

    async def story(peer):
        await reads.wait()
        for _ in range(400):
            await peer.read()

    async with transport(story) as one:
        sending = asyncio.ensure_future(one.send_all(["x" * 50_000] * 400))
        done, _ = await asyncio.wait({sending}, timeout=0.05)
        waiting = one._transport.get_write_buffer_size()
        assert not done
        assert waiting < 200_000
        reads.set()
        await sending


async def test_many_are_compressed_where_that_was_agreed_on():
    async def story(peer):
        read.append(await peer.read())

    read = []
    async with transport(story, COMPRESSING, **DEFLATE) as one:
        await one.send_all(["x" * 10_000])
    assert len(read[0][1]) < 100


class Deflating:
    """What a server compresses: each message refers to those before it."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(wbits=-15)

    def packed(self, text: bytes) -> bytes:
        data = self._deflate.compress(text) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return data[:-4]

    def text(self, text: bytes) -> bytes:
        return self.marked(framed(TEXT, self.packed(text)))

    def parts(self, text: bytes) -> bytes:
        data = self.packed(text)
        first = self.marked(framed(TEXT, data[:3], last=False))
        return first + framed(PING, b"between") + framed(0, data[3:])

    @staticmethod
    def marked(frame: bytes) -> bytes:
        return bytes([frame[0] | 0x40]) + frame[1:]


async def inflated(data: bytes) -> tuple[list[str | bytes], ConnectionLost]:
    """Return what becomes of bytes that hold compressed messages, and then end."""

    async def story(peer):
        for at in range(0, len(data), 700):
            await peer.write(data[at : at + 700])
            await asyncio.sleep(0)
        await peer.close(1000)

    async with transport(story, COMPRESSING, **DEFLATE) as one:
        return await all_of(one)


async def test_compressed_texts_are_read_in_order_also_in_parts_and_beside_others():
    server = Deflating()
    texts = [f"{number} {'é' * number}".encode() for number in range(300)]
    data = b""
    for number, text in enumerate(texts):
        kinds = (server.text, server.text, server.parts, lambda x: framed(TEXT, x))
        data += kinds[number % 4](text)
    seen, _ = await inflated(data)
    assert seen == [text.decode() for text in texts]


async def test_a_server_may_end_what_it_compresses_with_any_message():
    data, texts = b"", [f"{n} {'x' * n}" for n in range(6)]
    for text in texts:
        squeeze = zlib.compressobj(wbits=-15)
        packed = squeeze.compress(text.encode()) + squeeze.flush(zlib.Z_FINISH)
        first = Deflating.marked(framed(TEXT, packed[:2], last=False))
        whole = Deflating.marked(framed(TEXT, packed + b"\0"))
        data += whole if len(text) % 2 else first + framed(0, packed[2:] + b"\0")
    assert (await inflated(data))[0] == texts


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Deflating.marked(framed(TEXT, b"\xff" * 40)), 1002),
        (Deflating().text(b"x" * 2_000_000), 1009),
        (Deflating().text(b"\xff\xfe"), 1007),
    ],
)
async def test_a_compressed_text_that_is_none_ends_it_behind_what_came_before(
    bad, code
):
    seen, lost = await inflated(framed(TEXT, b"good") + bad + framed(TEXT, b"late"))
    assert (seen, lost.code, lost.sent) == (["good"], code, True)


async def test_a_ping_returns_only_when_its_pong_is_there():
    go = asyncio.Event()

    async def story(peer):
        opcode, payload = await peer.read()
        assert opcode == PING
        await peer.frame(PONG, b"another")
        await go.wait()
        await peer.frame(PONG, payload)
        await peer.hang()

    async with transport(story) as one:
        pinging = asyncio.create_task(one.ping())
        await asyncio.sleep(0.02)
        assert not pinging.done()
        go.set()
        await asyncio.wait_for(pinging, 1)


async def test_a_pong_stands_for_the_pings_before_it():
    async def story(peer):
        await peer.read()
        await peer.frame(PONG, (await peer.read())[1])
        await peer.hang()

    async with transport(story) as one, asyncio.timeout(1):
        await asyncio.gather(one.ping(), one.ping())


async def test_the_server_sees_the_code_and_reason_that_we_close_with():
    seen = []

    async def story(peer):
        opcode, payload = await peer.read()
        seen.append((opcode, int.from_bytes(payload[:2]), payload[2:]))
        await peer.frame(CLOSE, payload)

    async with transport(story) as one:
        await one.close(1000, "bye")
    assert seen == [(CLOSE, 1000, b"bye")]


async def test_closing_against_a_frozen_peer_ends_soon_and_does_not_raise():
    async with transport(silence, Settings(close_timeout=0.05)) as one:
        started = time()
        await one.close(1000, "")
        assert time() - started < 0.5
        with pytest.raises(ConnectionLost):
            await one.burst()


async def test_a_goodbye_that_cannot_be_said_cuts_the_line():
    async with transport(silence) as one:
        await one.close(1000, "longer than a close frame can be " * 9)
        _, lost = await asyncio.wait_for(all_of(one), 1)
    assert lost.code == 1006


async def test_abort_ends_whoever_is_receiving():
    async with transport(silence) as one:
        receiving = asyncio.create_task(all_of(one))
        await asyncio.sleep(0)
        one.abort()
        _, lost = await asyncio.wait_for(receiving, 1)
    assert lost.code == 1006


# What ends it


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, ""),
        (1000, "done for today"),
        (1001, "going"),
        (1002, ""),
        (1008, "policy"),
        (1011, "böse"),
        (1012, "service restart"),
        (3000, ""),
        (3500, ""),
        (4000, "x" * 123),
        (4401, "unauthorized"),
        (4999, ""),
    ],
)
async def test_a_close_of_the_server_keeps_its_code_and_reason(code, reason):
    lost = await end_of(lambda peer: peer.close(code, reason))
    assert (lost.code, lost.reason, lost.sent) == (code, reason, False)
    assert str(code) in lost.message


async def close_in_the_middle_of_a_message(peer):
    await peer.frame(TEXT, b"x", last=False)
    await peer.close(4321, "gone")


async def close_without_a_code(peer):
    await peer.close()


async def cut(peer):
    peer.cut()


async def cut_in_mid_frame(peer):
    await peer.write(framed(TEXT, b"x" * 100)[:50])
    await asyncio.sleep(0.01)
    peer.cut()


async def end_in_mid_frame(peer):
    await peer.write(framed(TEXT, b"x" * 100)[:50])


async def end_in_a_fragmented_message(peer):
    await peer.frame(TEXT, b"x", last=False)


async def end_without_a_word(peer):
    await peer.say("last")


@pytest.mark.parametrize(
    ("story", "code", "reason"),
    [
        (close_in_the_middle_of_a_message, 4321, "gone"),
        (close_without_a_code, 1005, ""),
        (cut, 1006, ""),
        (cut_in_mid_frame, 1006, ""),
        (end_in_mid_frame, 1006, ""),
        (end_in_a_fragmented_message, 1006, ""),
        (end_without_a_word, 1006, ""),
    ],
)
async def test_a_close_keeps_its_code_and_what_is_no_close_is_1006(story, code, reason):
    lost = await end_of(story)
    assert (lost.code, lost.reason, lost.sent) == (code, reason, False)
    assert lost.message == ConnectionLost(code, reason).message


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (framed(TEXT, b"\xff\xfe"), 1007),
        (framed(TEXT, b"ok\xc3", last=False) + framed(0, b"\x28"), 1007),
        (framed(TEXT, b"x" * 1001), 1009),
        (framed(TEXT, b"x" * 600, last=False) + framed(0, b"x" * 600), 1009),
        (framed(3, b"reserved"), 1002),
        (framed(0, b"continues nothing"), 1002),
        (framed(PING, b"x" * 126), 1002),
        (framed(PING, b"x", last=False), 1002),
        (framed(CLOSE, b"\x03"), 1002),
        (framed(CLOSE, b"\x03\xed"), 1002),  # 1005 is never sent
        (bytes([TEXT | 128 | 64, 1]) + b"x", 1002),  # compressed, unasked
        (b"\x81\x81abcdx", 1002),  # masked by a server
        (b"\x03\x7e", 1002),  # of no known kind, and never whole
        (framed(TEXT, last=False) + framed(0, last=False) * 5000, 1009),
    ],
)
async def test_what_breaks_the_protocol_is_closed_by_us_with_its_code(data, code):
    seen = []

    async def story(peer):
        await peer.write(data)
        opcode, payload = await peer.read()
        seen.append((opcode, int.from_bytes(payload[:2])))

    settings = Settings(close_timeout=0.05, max_size=1000)
    lost = await end_of(story, settings)
    assert (lost.code, lost.sent) == (code, True)
    assert seen == [(CLOSE, code)]


async def test_a_frame_that_claims_to_be_huge_is_refused_before_it_is_there():
    async def story(peer):
        await peer.write(bytes([TEXT | 128, 127]) + (1 << 40).to_bytes(8))
        await peer.read()

    lost = await end_of(story, Settings(close_timeout=0.05))
    assert lost.code == 1009
    assert "NOTIFYWS_MAX_SIZE" in lost.hint


async def test_one_who_says_goodbye_and_keeps_the_line_is_not_waited_for_long():
    async def story(peer):
        await peer.frame(CLOSE, (1012).to_bytes(2, "big"))
        await peer.hang()

    async with asyncio.timeout(5):
        assert (await end_of(story)).code == 1012


async def test_one_who_breaks_the_protocol_and_freezes_is_found_out_by_a_ping():
    async def story(peer):
        await peer.frame(3, b"reserved")
        await peer.hang()

    async with transport(story, Settings(close_timeout=0.05)) as one:
        receiving = asyncio.create_task(one.burst())
        await asyncio.sleep(0.02)
        for call in (one.ping(), receiving):
            with pytest.raises(ConnectionLost) as caught:
                await asyncio.wait_for(call, 1)
            assert caught.value.code == 1002


async def test_sending_and_pinging_on_an_ended_connection_say_how_it_ended():
    async with transport(lambda peer: peer.close(4321, "gone")) as one:
        await all_of(one)
        for call in (one.send_all(["x"]), one.send_all(["x", "y"]), one.ping()):
            with pytest.raises(ConnectionLost) as caught:
                await call
            assert (caught.value.code, caught.value.reason) == (4321, "gone")


async def test_a_ping_that_is_under_way_when_the_line_is_cut_ends():
    async def story(peer):
        await peer.read()
        peer.cut()

    async with transport(story) as one:
        with pytest.raises(ConnectionLost) as caught:
            await asyncio.wait_for(one.ping(), 1)
    assert caught.value.code == 1006


async def test_a_cut_of_tls_without_notice_is_a_lost_connection(authority):
    tls = {"tls": authority.good(), "trusted": authority.trusted()}
    async with transport(cut, **tls) as one:
        _, lost = await all_of(one)
    assert lost.code == 1006


async def test_what_tls_still_holds_when_the_server_has_gone_is_read(authority):
    async def story(peer):
        goodbye = framed(CLOSE, (1012).to_bytes(2, "big"))
        await peer.write(framed(TEXT, b"x" * 900) * 100 + goodbye)
        peer.end()
        await peer.hang()

    tls = {"tls": authority.good(), "trusted": authority.trusted()}
    async with transport(story, **tls) as one:
        await asyncio.sleep(0.05)  # meanwhile the server ends
        seen, lost = await all_of(one)
    assert (len(seen), lost.code) == (100, 1012)


# What does not come to a connection


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_refused_port_says_so_and_names_the_host_of_one_or_more_addresses(host):
    port = free_port()
    error = await refusal(f"ws://{host}:{port}")
    assert type(error) is NetworkFailed
    assert f"{host}:{port}" in error.message
    assert "refused" in error.message
    assert error.hint


async def test_an_address_that_does_not_answer_does_not_hold_up_the_others(monkeypatch):
    async with httpd(says(answer(404))) as server:
        with socket.create_server(("127.0.0.2", server.port), backlog=0) as full:
            loop, waiting = asyncio.get_running_loop(), [socket.socket() for _ in "12"]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            both = [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, server.port))
                for host in ("127.0.0.2", "127.0.0.1")
            ]
            monkeypatch.setattr(loop, "getaddrinfo", AsyncMock(return_value=both))
            error = await refusal(f"ws://two.example:{server.port}", PATIENT)
            assert error.message.startswith("two.example:")
            assert error.status == 404
            for one in waiting:
                one.close()


@pytest.mark.parametrize("name", ["name.invalid", "a..b", "x" * 64 + ".invalid"])
async def test_a_name_that_does_not_resolve_is_named(name):
    error = await refusal(f"ws://{name}")
    assert type(error) is NetworkFailed
    assert name in error.message


async def test_one_who_accepts_and_says_nothing_is_left_after_the_open_timeout():
    async with httpd(silence) as server:
        error = await refusal(server.url, QUICK)
        assert error.message == f"{server.host} did not answer within 0.1 s"


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"\x16\x03\x01" + bytes(200),
        b"\xff" * 5000,
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 101 Go\r\n\r\n",
        b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: wrong\r\n\r\n",
        b"HTTP/1.1 101 Go\r\nbad header\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
    ],
)
async def test_junk_is_said_to_be_no_websocket(junk):
    error = await refused_by(says(junk))
    assert type(error) is NotWebSocket
    assert error.hint


async def test_a_server_that_cuts_the_line_in_the_handshake_is_our_error():
    async def story(peer):
        await peer.request()
        peer.cut()

    await refused_by(story)


async def test_tls_on_a_ws_url_is_no_websocket(authority):
    async with httpd(says(b""), authority.good()) as server:
        error = await refusal(f"ws://{server.host}")
        assert isinstance(error, NotWebSocket | NetworkFailed)
        assert "wss://" in error.hint


async def test_plaintext_on_a_wss_url_says_that_it_is_no_tls(authority):
    async def story(peer):
        await peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with httpd(story) as server:
        url = f"wss://{server.host}"
        error = await refusal(url, PATIENT, authority.trusted())
    assert type(error) is NotWebSocket
    assert "does not speak TLS" in error.message
    assert "ws://" in error.hint


@pytest.mark.parametrize(
    ("alert", "kind"), [(80, NetworkFailed), (112, NetworkFailed), (70, NotWebSocket)]
)
async def test_of_tls_alerts_those_about_the_server_itself_may_pass(alert, kind):
    async def story(peer):
        await peer.some()
        await peer.write(b"\x15\x03\x03\x00\x02\x02" + bytes([alert]))

    async with httpd(story) as server:
        error = await refusal(f"wss://{server.host}")
    assert type(error) is kind
    assert "TLS" in error.message
    assert error.hint


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 410, 429, 500, 503])
async def test_an_http_answer_is_refused_with_its_status(status):
    error = await refused_by(says(answer(status, b"no socket here")))
    assert type(error) is UpgradeRefused
    assert (error.status, error.retry_after) == (status, None)
    assert f" answered {status} Said" in error.message
    assert error.hint


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_anywhere(status):
    async with httpd(silence) as elsewhere:
        there = f"{elsewhere.url}/there"
        async with httpd(says(answer(status, Location=there))) as server:
            error = await refusal(server.url)
            assert server.connections == 1
        await asyncio.sleep(0.01)
        assert elsewhere.connections == 0
    assert type(error) is UpgradeRefused
    assert (error.status, error.location) == (status, there)
    assert f"(a redirect to {elsewhere.url}, not followed)" in error.message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("²", None),
        ("٣", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("Mon, 01 Jan 9999999999999 00:00:00 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(text, seconds):
    assert retry_after(text) == seconds


def test_retry_after_of_endless_digits_is_a_number_all_the_same():
    assert retry_after("9" * 5000) >= 300


@given(st.text(max_size=60) | st.from_regex(r"\w{3}, \d+ Jan \d+ \d+:\d+:\d+ \S+"))
def test_retry_after_never_raises_and_is_never_negative(text):
    seconds = retry_after(text)
    assert seconds is None or seconds >= 0


async def test_retry_after_comes_with_the_refusal():
    for said, seconds in (("42", 42.0), ("junk", None)):
        error = await refused_by(says(answer(429, Retry_After=said)))
        assert error.retry_after == seconds


# Certificates


@pytest.mark.parametrize(
    ("served", "why", "reason", "hint"),
    [
        ("expired", "expired", "expired", "renew it; is this clock right? date"),
        ("for_another_host", "127.0.0.1", "name", "put the name that the certificate"),
    ],
)
async def test_a_wrong_certificate_is_rejected_at_once(
    authority, served, why, reason, hint
):
    context = getattr(authority, served)()
    async with httpd(says(b""), context) as server:
        error = await refusal(server.url, PATIENT, authority.trusted())
        assert type(error) is CertificateRejected
        assert server.host in error.message
        assert why in error.message
        assert (error.reason, hint in error.hint) == (reason, True)
        assert server.requests == []


async def test_an_unknown_authority_is_rejected_by_default_and_by_a_custom_one(
    authority,
):
    for tls in (None, Authority().trusted()):
        async with httpd(says(b""), authority.good()) as server:
            error = await refusal(server.url, PATIENT, tls)
            assert type(error) is CertificateRejected
            assert error.reason == "untrusted"
            assert "NOTIFYWS_CA_FILE" in error.hint


# Bounds


def measured(test):
    """Run a test that must not take 24 MB of memory at any time."""

    async def run():
        gc.collect()
        tracemalloc.start()
        try:
            await test()
            assert tracemalloc.get_traced_memory()[1] < 24 << 20
        finally:
            tracemalloc.stop()

    return run()


async def test_what_waits_for_a_reader_that_pauses_is_bounded_in_bytes():
    async def story(peer):
        for _ in range(100):
            await peer.write(large)
        await peer.close(1000)

    async def paused():
        async with transport(story) as one:
            await asyncio.sleep(0.2)
            one.abort()

    large = framed(TEXT, b"x" * 900_000)
    await measured(paused)


async def test_who_pings_on_and_on_and_reads_no_answer_is_left(caplog):
    async def story(peer):
        while True:
            await peer.write(framed(PING, b"x" * 125) * 100)

    assert (await end_of(story)).code == 1006
    assert caplog.text == ""


@pytest.mark.parametrize("status", [200, 401, 503])
async def test_a_50_mb_error_body_is_our_error_and_not_kept(status):
    async def story(peer):
        await peer.request()
        head = f"HTTP/1.1 {status} Said\r\nContent-Length: {50 << 20}\r\n\r\n"
        await peer.write(head.encode())
        for _ in range(800):
            await peer.write(bytes(64 << 10))

    await measured(lambda: refused_by(story))


@pytest.mark.parametrize(
    "lines",
    [
        "".join(f"X-{n}: y\r\n" for n in range(200)),
        f"X-Long: {'y' * (64 << 10)}\r\n",
        "".join(f"X-{n}: {'y' * 8000}\r\n" for n in range(1000)),
    ],
    ids=["200 headers", "64 KiB line", "8 MB of headers"],
)
async def test_a_flood_of_headers_is_our_error(lines):
    said = f"HTTP/1.1 401 No\r\n{lines}\r\n".encode()
    await measured(lambda: refused_by(says(said)))


# Proxies


async def test_the_proxy_of_the_environment_is_used(monkeypatch):
    async def proxy(peer):
        request = await peer.request()
        assert (request.method, request.target) == ("CONNECT", "ws.example.com:80")
        assert "authorization" not in request.headers
        await peer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await peer.upgrade()
        await peer.say("through")
        await peer.close(1000)

    async with httpd(proxy) as server:
        monkeypatch.setenv("HTTP_PROXY", server.origin)
        monkeypatch.setenv("http_proxy", server.origin)
        one = await dial(UpgradeRequest("ws://ws.example.com/x", BEARER), PATIENT, None)
        assert await one.burst() == ["through"]
        await one.close(1000, "")
        tunnelled = server.requests[1]
    assert tunnelled.target == "/x"
    assert tunnelled.headers["authorization"] == BEARER["Authorization"]


# Secrets, and the rest of the table


async def test_a_url_that_cannot_be_used_is_no_place_for_a_token_either():
    upgrade_request = UpgradeRequest(f"ws://127.0.0.1/?token={SENTINEL}#fragment")
    with pytest.raises(ConfigurationError) as caught:
        await dial(upgrade_request, QUICK, None)
    shown = "".join(traceback.format_exception(caught.value))
    assert SENTINEL not in shown


PLACES = ["header", "query:t", "subprotocol:jwt", "message"]


def opening_with(url, place, token=SENTINEL):
    """Return how the default profile opens a socket, its token in a place."""
    return make_opening(DEFAULT, url, token, token_in=place)


@pytest.mark.parametrize("place", PLACES)
async def test_a_close_that_repeats_the_token_does_not_show_it(place):
    async def story(peer):
        await peer.upgrade()
        await peer.close(4403, f"who is Bearer {SENTINEL}?")

    async with httpd(story) as server:
        one = await dial(opening_with(server.url, place), PATIENT, None)
        _, lost = await all_of(one)
    assert lost.reason == "who is Bearer ***?"
    assert lost.message == "connection closed (4403): who is Bearer ***?"


@pytest.mark.parametrize("place", PLACES)
async def test_an_answer_that_repeats_the_token_does_not_show_it(place):
    there = f"wss://{SENTINEL}.example/?t={SENTINEL}"
    said = answer(302, Location=there).replace(b"Said", SENTINEL.encode())
    async with httpd(says(said)) as server:
        error = await refusal("", upgrade_request=opening_with(server.url, place))
    assert "answered 302 ***" in error.message
    assert "(a redirect to wss://***.example, not followed)" in error.message
    assert SENTINEL not in str(vars(error)) + repr(error)


async def test_junk_that_repeats_the_token_does_not_show_it():
    async with httpd(says(f"HTTP/1.1 {SENTINEL}\r\n\r\n".encode())) as server:
        error = await refusal("", upgrade_request=opening_with(server.url, "query:t"))
    assert type(error) is NotWebSocket
    assert "***" in error.message
    assert SENTINEL not in repr(error)


def test_an_error_nobody_has_heard_of_is_a_network_error():
    error = translated(RuntimeError("odd"), "host", 1.0)
    assert type(error) is NetworkFailed
    assert error.message == "cannot connect to host: odd"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Multiple exceptions: [Errno 111] Connect call failed ('::1', 5)", "refused"),
        (
            "Multiple exceptions: [Errno 113] Connect call failed ('::1', 1119)",
            "failed",
        ),
    ],
)
def test_several_failures_at_once_are_one_sentence(text, why):
    error = translated(OSError(text), "host", 1.0)
    assert error.message == f"cannot reach host: connection {why}"


async def test_being_cancelled_leaves_nothing_behind():
    async with httpd(silence) as server:
        dialling = asyncio.create_task(dial(UpgradeRequest(server.url), PATIENT, None))
        await asyncio.sleep(0.02)
        dialling.cancel()
        with suppress(asyncio.CancelledError):
            await dialling
        await asyncio.sleep(0.02)
        assert all(task.done() for task in server.tasks)
